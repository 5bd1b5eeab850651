//! A GitHub whose certificate a private authority has signed is believed if that is in `SSL_CERT_FILE`.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::stage::Stage;
use crate::env::Ran;

/// `ecdsa-with-SHA256`
const SIGNED: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// `ecPublicKey`, and the curve P-256.
const KEY: &[u8] =
    &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
const BASIC_CONSTRAINTS: &[u8] = &[6, 3, 0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME: &[u8] = &[6, 3, 0x55, 0x1d, 0x11];

/// One value in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut value = vec![tag];
    if content.len() >= 0x80 {
        value.push(0x80 | length.len() as u8);
    }
    value.extend(if content.is_empty() { vec![0] } else { length });
    value.extend(content);
    value
}

/// Whoever has a key.
struct Party {
    name: Vec<u8>,
    pkcs8: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Party {
    fn new(name: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap().as_ref().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &random).unwrap();
        let name = der(0x30, &[COMMON_NAME, &der(0x0c, &[name.as_bytes()])]);
        Party { name: der(0x30, &[&der(0x31, &[&name])]), pkcs8, key }
    }

    /// Its certificate of the other party, with this extension.
    fn signs(&self, other: &Party, extension: &[&[u8]]) -> Vec<u8> {
        let public = [&[0], other.key.public_key().as_ref()].concat();
        let extensions = der(0x30, &[&der(0x30, extension)]);
        let algorithm = der(0x30, &[SIGNED]);
        let about = der(
            0x30,
            &[
                &der(0xa0, &[&[2, 1, 2]]),
                &[2, 1, 1],
                &algorithm,
                &self.name,
                &der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x18, &[b"21000101000000Z"])]),
                &other.name,
                &der(0x30, &[&der(0x30, &[KEY]), &der(0x03, &[&public])]),
                &der(0xa3, &[&extensions]),
            ],
        );
        let signature = self.key.sign(&SystemRandom::new(), &about).unwrap();
        let signature = [&[0], signature.as_ref()].concat();
        der(0x30, &[&about, &algorithm, &der(0x03, &[&signature])])
    }
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Its address; the first line of each request it gets, to which it answers that there is nothing.
fn serve(config: ServerConfig) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/api/v3", listener.local_addr().unwrap());
    let (asked, requests) = channel();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            let mut lines = stream.by_ref().lines().map_while(Result::ok);
            let Some(first) = lines.next() else { continue };
            let _ = lines.take_while(|line| !line.is_empty()).count();
            if asked.send(first).is_err() {
                return;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
            let mut stream = stream.into_inner();
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (url, requests)
}

#[test]
fn a_private_authority_is_believed_if_it_is_named() {
    let (authority, server) = (Party::new("A private authority"), Party::new("127.0.0.1"));
    let is_one = der(0x04, &[&der(0x30, &[&[1, 1, 0xff]])]);
    let root = authority.signs(&authority, &[BASIC_CONSTRAINTS, &[1, 1, 0xff], &is_one]);
    let at = der(0x04, &[&der(0x30, &[&der(0x87, &[&[127, 0, 0, 1]])])]);
    let leaf = authority.signs(&server, &[SUBJECT_ALT_NAME, &at]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server.pkcs8.clone()));
    let chain = vec![CertificateDer::from(leaf)];
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (url, requests) = serve(config);

    let stage = Stage::new();
    let bundle = stage.repo.sandbox.path("authorities.pem");
    std::fs::write(&bundle, pem(&root)).unwrap();
    let status = || -> Command {
        let mut status = stage.program(&stage.repo.work, &["status", "system6"]);
        status.env("GITHUB_API_URL", &url);
        status
    };
    let ran = Ran::from(status().output().unwrap()).ends(0);
    assert!(ran.err.contains("pull requests weren't looked at"), "{}", ran.err);
    assert!(requests.try_recv().is_err(), "a token was sent to nobody knows whom");

    let ran = Ran::from(status().env("SSL_CERT_FILE", &bundle).output().unwrap()).ends(0);
    assert!(!ran.err.contains("pull requests weren't looked at"), "{}", ran.err);
    let request = requests.try_recv().unwrap();
    assert!(request.starts_with("GET /api/v3/repos/acme/deployment/pulls?"), "{request}");
}
