//! Who asks: a token that was given, or a GitHub App whose tokens are fetched, and fetched anew before they end.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::sync::Mutex;

use super::Error;
use crate::context::Context;

/// How long a signed claim to be the App is good for. GitHub takes at most ten minutes, and its clock may
/// differ from ours.
const CLAIM: SignedDuration = SignedDuration::from_mins(9);
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// How long before its end a token is fetched anew: longer than any request takes.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// Who asks. Shows nothing of it in `Debug`.
pub enum Credentials {
    Token(SecretString),
    App(Box<App>),
}

/// A GitHub App, installed where the repo is.
pub struct App {
    id: String,
    installation: String,
    key: RsaKeyPair,
    current: Mutex<Option<Token>>,
}

/// An installation's token.
#[derive(Clone, Deserialize)]
pub struct Token {
    #[serde(deserialize_with = "secret")]
    token: SecretString,
    expires_at: Timestamp,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credentials::Token(_) => "Token",
            Credentials::App(_) => "App",
        })
    }
}

impl Credentials {
    /// The App, if one is named, else `GITHUB_TOKEN`. Nothing: there is neither.
    ///
    /// # Errors
    /// The App is named in part only, or its key can't be read.
    pub fn find(context: &Context) -> Result<Option<Self>, Error> {
        const NAMES: [&str; 3] =
            ["DCR_GITHUB_APP_ID", "DCR_GITHUB_APP_INSTALLATION_ID", "DCR_GITHUB_APP_PRIVATE_KEY"];
        match NAMES.map(|name| context.var(name)) {
            [Some(id), Some(installation), Some(key)] => {
                let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                if !number(installation) {
                    let why = format!("{} is no number", NAMES[1]);
                    return Err(Error::Credentials(why));
                }
                let key = key_pair(key).ok_or_else(|| {
                    Error::Credentials(format!("{} is no RSA private key in PEM", NAMES[2]))
                })?;
                let (id, installation) = (id.to_owned(), installation.to_owned());
                let app = App { id, installation, key, current: Mutex::new(None) };
                Ok(Some(Credentials::App(Box::new(app))))
            }
            [None, None, None] => {
                let token = context.var("GITHUB_TOKEN").map(str::trim).map(SecretString::from);
                Ok(token.map(Credentials::Token))
            }
            given => {
                let missing = NAMES.iter().zip(given).filter(|(_, value)| value.is_none());
                let missing: Vec<&str> = missing.map(|(name, _)| *name).collect();
                Err(Error::Credentials(format!("{} isn't set", missing.join(" and "))))
            }
        }
    }
}

impl App {
    /// The token at hand if it is good for a while still, else the one that `fetch` gets for a signed claim and
    /// a path. Who asks meanwhile waits for the same one.
    pub async fn token<F>(
        &self,
        now: Timestamp,
        fetch: impl FnOnce(String, SecretString) -> F,
    ) -> Result<SecretString, Error>
    where
        F: Future<Output = Result<Token, Error>>,
    {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current
            && token.expires_at.duration_since(now) > EARLY
        {
            return Ok(token.token.clone());
        }
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let fetched = fetch(path, self.claim(now)?).await?;
        let token = fetched.token.clone();
        *current = Some(fetched);
        Ok(token)
    }

    /// Forgets a token that isn't accepted any more.
    pub async fn forget(&self, token: &SecretString) {
        let mut current = self.current.lock().await;
        let is_it = |held: &Token| held.token.expose_secret() == token.expose_secret();
        if current.as_ref().is_some_and(is_it) {
            *current = None;
        }
    }

    /// A JSON Web Token (RFC 7519) that says: I am this App.
    fn claim(&self, now: Timestamp) -> Result<SecretString, Error> {
        let (from, until) = (now - SKEW, now + CLAIM);
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({"alg": "RS256", "typ": "JWT"}));
        let body = part(json!({"iat": from.as_second(), "exp": until.as_second(), "iss": self.id}));
        let text = format!("{head}.{body}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| Error::Credentials("the App's key doesn't sign".to_owned()))?;
        Ok(SecretString::from(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn secret<'de, D: Deserializer<'de>>(text: D) -> Result<SecretString, D::Error> {
    Ok(SecretString::from(String::deserialize(text)?))
}

/// A key as GitHub hands it out (PKCS #1) or as others convert it (PKCS #8). Where variables hold one
/// line only, its line ends are written `\n`.
fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    let pem = pem.replace("\\n", "\n");
    let begin = pem.lines().find(|line| line.starts_with("-----BEGIN "))?.to_owned();
    let body = pem.lines().map(str::trim).skip_while(|line| *line != begin.trim()).skip(1);
    let body: String = body.take_while(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).ok()?;
    match begin.trim() {
        "-----BEGIN RSA PRIVATE KEY-----" => RsaKeyPair::from_der(&der).ok(),
        "-----BEGIN PRIVATE KEY-----" => RsaKeyPair::from_pkcs8(&der).ok(),
        _ => None,
    }
}
