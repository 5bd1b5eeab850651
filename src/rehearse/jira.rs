//! An embedded Jira: tickets with comments, their properties and remote links, as Data Center (REST v2, wiki
//! text) or Cloud (REST v3, documents) has them, with the limits and the refusals of the real ones.
mod api;
mod document;
mod refusal;
mod shape;
mod ticket;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

pub use self::document::{check as check_document, plain};
pub use self::ticket::{Comment, RemoteLink, Ticket};
use super::clock::Now;
use super::kubernetes::access::{TOKEN_MARK, UnmarkedToken};
use super::loopback::Loopback;
use super::wire::Wire;

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A token alone is who asks, and only v2 is there.
    DataCenter,
    /// A mail address and a token are, and v3 is there as well.
    Cloud,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// No ticket is there.
    None,
    Read,
    Comment,
}

/// One Jira. Clones are the same. It is a `tower::Service`; [`Jira::listen`] puts it on a port.
#[derive(Clone)]
pub struct Jira(Arc<Inner>);

struct Inner {
    now: Now,
    kind: Kind,
    office: Mutex<Office>,
    wire: Wire,
}

/// All that it keeps.
#[derive(Default)]
struct Office {
    users: Vec<User>,
    tickets: BTreeMap<String, Ticket>,
    ids: u64,
}

#[derive(Clone)]
struct User {
    mail: String,
    token: String,
    access: Access,
}

impl Jira {
    /// A Jira without users and tickets.
    pub fn new(now: Now, kind: Kind) -> Self {
        let office = Mutex::default();
        Jira(Arc::new(Inner { now, kind, office, wire: Wire::default() }))
    }

    /// Puts it on a port of the loopback interface. Whatever stands before `/rest` in a path is ignored: some
    /// have theirs below a folder.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn listen(&self) -> io::Result<Loopback> {
        Loopback::serve(self.clone()).await
    }

    /// From now on somebody with this mail address has this token.
    ///
    /// # Errors
    /// The token lacks the mark of secrets.
    pub fn add_user(&self, mail: &str, token: &str, access: Access) -> Result<(), UnmarkedToken> {
        if !token.contains(TOKEN_MARK) {
            return Err(UnmarkedToken);
        }
        let user = User { mail: mail.to_owned(), token: token.to_owned(), access };
        self.write(|office| office.users.push(user));
        Ok(())
    }

    /// From now on there is this ticket.
    pub fn add_ticket(&self, key: &str, summary: &str) {
        self.write(|office| {
            let id = office.next_id();
            office.tickets.insert(key.to_owned(), Ticket::new(id, key, summary));
        });
    }

    /// A ticket as it is now.
    pub fn ticket(&self, key: &str) -> Option<Ticket> {
        self.read(|office| office.tickets.get(key).cloned())
    }

    /// Somebody comments in the browser. Whoever it is, they are nobody that asks by this API.
    pub fn comment(&self, key: &str, by: &str, body: Value) -> Option<u64> {
        let now = self.now();
        self.write(|office| {
            let id = office.next_id();
            let ticket = office.tickets.get_mut(key)?;
            ticket.comments.push(Comment::new(id, by, body, now));
            Some(id)
        })
    }

    /// Somebody deletes a comment in the browser.
    pub fn delete_comment(&self, key: &str, id: u64) {
        self.write(|office| {
            if let Some(ticket) = office.tickets.get_mut(key) {
                ticket.comments.retain(|comment| comment.id != id);
            }
        });
    }

    /// What goes wrong with requests, and what they were.
    pub fn wire(&self) -> &Wire {
        &self.0.wire
    }

    /// What time it is here.
    pub fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    fn read<T>(&self, read: impl FnOnce(&Office) -> T) -> T {
        read(&self.0.office.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Office) -> T) -> T {
        write(&mut self.0.office.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Office {
    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        10_000 + self.ids
    }

    /// The comment with this id, wherever it is.
    fn comment_mut(&mut self, id: u64) -> Option<&mut Comment> {
        let mut all = self.tickets.values_mut().flat_map(|ticket| ticket.comments.iter_mut());
        all.find(|comment| comment.id == id)
    }
}
