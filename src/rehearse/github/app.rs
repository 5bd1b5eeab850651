//! GitHub Apps on the embedded GitHub: the assertion they sign, and the tokens they get for it.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::account::{Access, Account, Token};
use super::desk::Desk;
use super::refusal::Refusal;
use crate::rehearse::kubernetes::access::TOKEN_MARK;

/// The longest that an assertion may be good for.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// How far an assertion's beginning may lie ahead: clocks differ.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// How long an installation's token is good for.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// An App that is installed in the repo.
#[derive(Debug, Clone)]
pub struct App {
    pub id: u64,
    pub installation: u64,
    /// The public half of its key: an RSAPublicKey (PKCS #1) in DER.
    pub key: Vec<u8>,
    pub account: Account,
}

impl Desk {
    /// The App that signed an assertion.
    pub fn app_of(&self, assertion: &str, now: Timestamp) -> Result<&App, Refusal> {
        let undecodable = || Refusal::new(401, "A JSON web token could not be decoded");
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(undecodable)?;
        let (header, claims) = signed.split_once('.').ok_or_else(undecodable)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| undecodable());
        let parsed = |part: &str| -> Result<Value, Refusal> {
            serde_json::from_slice(&decoded(part)?).map_err(|_| undecodable())
        };
        let (header, claims) = (parsed(header)?, parsed(claims)?);
        if header["alg"] != "RS256" {
            return Err(undecodable());
        }
        let issuer = &claims["iss"];
        let id = issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok());
        let app = self.apps.iter().find(|app| Some(app.id) == id);
        let app = app.ok_or_else(|| Refusal::new(404, "Integration not found"))?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.key);
        key.verify(signed.as_bytes(), &decoded(signature)?).map_err(|_| undecodable())?;
        let time = |claim: &str| {
            claims[claim].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok())
        };
        let wrong = match (time("iat"), time("exp")) {
            (_, Some(ends)) if ends > now + LONGEST => {
                "'Expiration time' claim ('exp') is too far in the future"
            }
            (Some(begins), Some(ends)) if begins <= now + SKEW && ends > now => return Ok(app),
            (_, Some(ends)) if ends > now => {
                "'Issued at' claim ('iat') must be an Integer representing the time that the \
                 assertion was issued"
            }
            _ => {
                "'Expiration time' claim ('exp') must be a numeric value representing the future \
                 time at which the assertion expires"
            }
        };
        Err(Refusal::new(401, wrong))
    }

    /// A new token of an App's installation.
    pub fn installation_token(
        &mut self,
        assertion: &str,
        installation: u64,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let app = self.app_of(assertion, now)?;
        if app.installation != installation {
            return Err(Refusal::not_found());
        }
        let account = app.account.clone();
        let ends = now + LIFE;
        let secret = format!("ghs_{TOKEN_MARK}-{installation}-{}", self.next_id());
        let permissions = account.permissions;
        let token = json!({
            "token": secret,
            "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "permissions": {
                "contents": word(permissions.contents),
                "pull_requests": word(permissions.pull_requests),
                "issues": word(permissions.issues),
                "statuses": word(permissions.statuses),
                "metadata": "read",
            },
            "repository_selection": "selected",
        });
        self.tokens.push(Token { secret, account, ends: Some(ends) });
        Ok(token)
    }
}

fn word(access: Access) -> Option<&'static str> {
    match access {
        Access::None => None,
        Access::Read => Some("read"),
        Access::Write => Some("write"),
    }
}
