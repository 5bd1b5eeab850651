//! An embedded GitHub with one repo, over the same bare repo that git serves: git says what commits there
//! are, and this says what is made of them.
//!
//! It enforces what the real one does, in the real one's words, and counts and writes down every request. The
//! other people of the world act by calling it; what was pushed since is seen by the next one who asks.
pub mod account;
mod acts;
mod api;
mod app;
mod desk;
mod graphql;
mod landing;
mod limits;
pub mod pull;
pub mod refusal;
pub mod rules;
mod standing;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::Oid;
use jiff::Timestamp;

use self::account::{Account, Token};
use self::acts::{Draft, check_texts};
pub use self::app::App;
use self::desk::Desk;
pub use self::desk::{Comment, News, Status};
pub use self::graphql::parse;
pub use self::landing::TRIAL;
use self::landing::Words;
use self::pull::{AutoMerge, Method, Pull, State};
use self::refusal::Refusal;
use self::rules::Rules;
pub use self::standing::{Mergeable, Standing};
use super::clock::Now;
use super::kubernetes::access::{TOKEN_MARK, UnmarkedToken};
use super::loopback::Loopback;
use super::wire::Wire;

/// What web addresses of the embedded GitHub begin with. Nothing answers there.
pub const WEB: &str = "https://github.example.com";

/// One GitHub. Clones are the same. It is a `tower::Service`; [`GitHub::listen`] puts it on a port.
#[derive(Clone)]
pub struct GitHub(Arc<Inner>);

struct Inner {
    now: Now,
    desk: Mutex<Desk>,
    wire: Wire,
}

impl GitHub {
    /// The GitHub of the bare repo at `path`, known there as `owner`/`name`, whose default branch is `base`.
    /// Nobody has an account yet.
    ///
    /// # Errors
    /// There is no such repo.
    pub fn new(
        now: Now,
        path: &Path,
        owner: &str,
        name: &str,
        base: &str,
    ) -> Result<Self, git2::Error> {
        let desk = Mutex::new(Desk::new(path, owner, name, base)?);
        Ok(GitHub(Arc::new(Inner { now, desk, wire: Wire::default() })))
    }

    /// Puts it on a port of the loopback interface: REST below `/api/v3` and below `/`, GraphQL at
    /// `/api/graphql` and at `/graphql`.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn listen(&self) -> io::Result<Loopback> {
        Loopback::serve(self.clone()).await
    }

    /// `owner/name`, as `GITHUB_REPOSITORY` says it.
    pub fn repository(&self) -> String {
        self.read(Desk::full_name)
    }

    /// Changes the repo's settings.
    pub fn set_rules(&self, change: impl FnOnce(&mut Rules)) {
        self.write(|desk| change(&mut desk.rules));
    }

    /// From now on this account is there.
    pub fn add_account(&self, account: Account) {
        self.write(|desk| desk.accounts.insert(account.login.clone(), account));
    }

    /// From now on this team of the owner's is there.
    pub fn add_team(&self, slug: &str) {
        self.write(|desk| desk.teams.insert(slug.to_owned()));
    }

    /// From now on this account is there and has this token, for ever or until `ends`.
    ///
    /// # Errors
    /// The token lacks the mark of secrets.
    pub fn add_token(
        &self,
        secret: &str,
        account: Account,
        ends: Option<Timestamp>,
    ) -> Result<(), UnmarkedToken> {
        if !secret.contains(TOKEN_MARK) {
            return Err(UnmarkedToken);
        }
        self.add_account(account.clone());
        self.write(|desk| desk.tokens.push(Token { secret: secret.to_owned(), account, ends }));
        Ok(())
    }

    /// This token is no good any more.
    pub fn revoke(&self, secret: &str) {
        self.write(|desk| desk.tokens.retain(|token| token.secret != secret));
    }

    /// From now on this App is installed.
    pub fn add_app(&self, app: App) {
        self.add_account(app.account.clone());
        self.write(|desk| desk.apps.push(app));
    }

    /// Whose pushes with git it is that delete or replace branches; the bare repo doesn't say.
    pub fn set_pusher(&self, login: &str) {
        self.write(|desk| login.clone_into(&mut desk.pusher));
    }

    /// What goes wrong with requests, and what they were.
    pub fn wire(&self) -> &Wire {
        &self.0.wire
    }

    /// What time it is here.
    pub fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    /// Sees what was pushed and lets follow what does, as every request does first; then says what happened
    /// since this was last called.
    ///
    /// # Errors
    /// The repo can't be read or written.
    pub fn advance(&self) -> Result<Vec<News>, git2::Error> {
        self.acting(|desk, _| Ok(desk.take_news()))
    }

    /// When something happens next that nobody does: the queue lands what it has tried for long enough.
    pub fn due(&self) -> Option<Timestamp> {
        self.read(|desk| {
            let queued = desk.pulls.values().filter_map(|pull| pull.queued.as_ref()?.trial);
            queued.map(|trial| trial.since + TRIAL).min()
        })
    }

    /// The bare repo.
    pub fn path(&self) -> PathBuf {
        self.read(|desk| desk.repo.path().to_owned())
    }

    /// The default branch.
    pub fn base(&self) -> String {
        self.read(|desk| desk.base.clone())
    }

    /// All pull requests as they are now, oldest first.
    pub fn pulls(&self) -> Vec<Pull> {
        self.read(|desk| desk.pulls.values().cloned().collect())
    }

    pub fn pull(&self, number: u64) -> Option<Pull> {
        self.read(|desk| desk.pulls.get(&number).cloned())
    }

    /// The comments on a pull request, oldest first.
    pub fn comments(&self, pull: u64) -> Vec<Comment> {
        self.read(|desk| desk.comments.values().filter(|it| it.pull == pull).cloned().collect())
    }

    /// The statuses of a commit, oldest first.
    pub fn statuses(&self, commit: Oid) -> Vec<Status> {
        self.read(|desk| desk.statuses.get(&commit).cloned().unwrap_or_default())
    }

    /// Somebody opens a pull request onto the default branch.
    ///
    /// # Errors
    /// GitHub refuses.
    pub fn open(&self, by: &str, head: &str, title: &str, body: &str) -> Result<Pull, Refusal> {
        let draft = Draft {
            title: title.to_owned(),
            body: body.to_owned(),
            head: head.to_owned(),
            base: self.read(|desk| desk.base.clone()),
            draft: false,
        };
        self.acting(|desk, now| desk.open(draft, by, now))
    }

    /// Somebody approves a pull request as it is now.
    ///
    /// # Errors
    /// It is their own, isn't open, or they may not write.
    pub fn approve(&self, number: u64, by: &str) -> Result<(), Refusal> {
        self.acting(|desk, now| desk.review(number, by, true, now))
    }

    /// Somebody wants a pull request changed.
    ///
    /// # Errors
    /// As for [`GitHub::approve`].
    pub fn request_changes(&self, number: u64, by: &str) -> Result<(), Refusal> {
        self.acting(|desk, now| desk.review(number, by, false, now))
    }

    /// Somebody changes what a pull request says.
    ///
    /// # Errors
    /// There is none, or a text is too long.
    pub fn edit(&self, number: u64, title: &str, body: &str) -> Result<(), Refusal> {
        self.acting(|desk, now| {
            check_texts(Some(title), Some(body))?;
            let pull = desk.pull_mut(number)?;
            (pull.title, pull.body, pull.updated) = (title.to_owned(), body.to_owned(), now);
            Ok(())
        })
    }

    /// Whether a pull request conflicts with its base.
    ///
    /// # Errors
    /// The repo can't be read.
    pub fn conflicts(&self, number: u64) -> Result<bool, git2::Error> {
        self.acting(|desk, _| {
            let pull = desk.pulls.get(&number).cloned();
            pull.map_or(Ok(false), |pull| Ok(desk.standing(&pull)? == Standing::Dirty))
        })
    }

    /// Somebody merges a pull request, or puts it into the queue where there is one.
    ///
    /// # Errors
    /// GitHub refuses.
    pub fn merge(&self, number: u64, by: &str, method: Method) -> Result<(), Refusal> {
        self.acting(|desk, now| match desk.rules.merge_queue {
            Some(_) => desk.enqueue(number, by, now),
            None => desk.merge(number, method, &Words::default(), by, now).map(|_| ()),
        })
    }

    /// Somebody has a pull request merged as soon as nothing stands in its way.
    ///
    /// # Errors
    /// GitHub refuses.
    pub fn auto_merge(&self, number: u64, by: &str, method: Method) -> Result<(), Refusal> {
        self.acting(|desk, now| {
            desk.enable_auto_merge(number, AutoMerge { by: by.to_owned(), at: now, method })
        })
    }

    /// Somebody closes a pull request without merging it.
    pub fn close(&self, number: u64, by: &str) {
        let now = self.now();
        self.write(|desk| desk.changing(|desk| desk.end(number, State::Closed, by, now)));
    }

    /// Somebody opens a closed pull request again.
    ///
    /// # Errors
    /// It was merged, its branch is gone, or another one has taken its place.
    pub fn reopen(&self, number: u64) -> Result<(), Refusal> {
        self.acting(|desk, now| desk.reopen(number, now))
    }

    /// Somebody takes all labels off a pull request.
    pub fn unlabel(&self, number: u64) {
        let now = self.now();
        self.write(|desk| {
            if let Some(pull) = desk.pulls.get_mut(&number) {
                pull.labels.clear();
                pull.updated = now;
            }
        });
    }

    /// Somebody makes a draft of a pull request, or the other way round.
    pub fn set_draft(&self, number: u64, draft: bool) {
        self.write(|desk| {
            if let Some(pull) = desk.pulls.get_mut(&number) {
                pull.draft = draft;
            }
        });
    }

    /// Somebody deletes a branch on the web page of a pull request.
    ///
    /// # Errors
    /// The repo can't be written.
    pub fn delete_branch(&self, name: &str, by: &str) -> Result<(), git2::Error> {
        self.acting(|desk, now| {
            let open = desk.pulls.values().filter(|it| it.is_open() && it.head_ref == name);
            for number in open.map(|pull| pull.number).collect::<Vec<_>>() {
                desk.end(number, State::Closed, by, now);
            }
            desk.delete_branch(name)
        })
    }

    /// Somebody comments on a pull request.
    ///
    /// # Errors
    /// There is none, or the text is too long.
    pub fn comment(&self, number: u64, by: &str, body: &str) -> Result<Comment, Refusal> {
        self.acting(|desk, now| desk.comment(number, by, body, now))
    }

    /// A check says how a commit is.
    ///
    /// # Errors
    /// There is no such commit, or it has as many of this context as may be.
    pub fn check(&self, commit: Oid, context: &str, state: &str) -> Result<Status, Refusal> {
        self.acting(|desk, now| {
            let id = desk.next_id();
            let (context, state) = (context.to_owned(), state.to_owned());
            let creator = "checks[bot]".to_owned();
            let (description, target) = (None, None);
            let status = Status { id, context, state, description, target, creator, created: now };
            desk.set_status(commit, status)
        })
    }

    /// Does something after having seen what was pushed, and lets follow what does.
    fn acting<T, E: From<git2::Error>>(
        &self,
        act: impl FnOnce(&mut Desk, Timestamp) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = self.now();
        self.write(|desk| {
            desk.changing(|desk| {
                desk.notice(now)?;
                let done = act(desk, now)?;
                desk.notice(now)?;
                Ok(done)
            })
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Desk) -> T) -> T {
        read(&self.0.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Desk) -> T) -> T {
        write(&mut self.0.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
