//! A tiny Express node on loopback. It knows its rebuild, counts the commands it accepts, and misbehaves
//! on demand. It writes its answers byte by byte, because no HTTP server is willing to break one off.
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What goes back over the connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Status and body.
    Answer(u16, String),
    Redirect(String),
    /// The connection ends before the answer does.
    Cut(String),
    /// The connection ends before the answer begins.
    Closed,
    Never,
    /// Not HTTP at all.
    Garbage,
}

pub fn ok(body: &str) -> Reply {
    Reply::Answer(200, body.to_owned())
}

/// The state of the node.
#[derive(Debug, Default)]
pub struct State {
    /// The rebuild it knows of: run, attempt and state word.
    pub rebuild: Option<(u32, u32, &'static str)>,
    /// Said instead of the rebuild it knows of, one after the other; the last for ever.
    pub status: VecDeque<Reply>,
    /// Said instead of `STARTED` and `PROPAGATED`, after the command was accepted.
    pub command: Option<Reply>,
    /// Answers commands, but does nothing.
    pub deaf: bool,
    pub aa_status: String,
    /// Commands that were received: their paths.
    pub commands: Vec<String>,
    /// Questions that were received: their paths.
    pub questions: Vec<String>,
}

#[derive(Clone)]
pub struct Node {
    pub address: SocketAddr,
    pub state: Arc<Mutex<State>>,
}

impl Node {
    pub async fn start(state: State) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Node::serve(listener, state)
    }

    pub fn serve(listener: TcpListener, state: State) -> Node {
        let node =
            Node { address: listener.local_addr().unwrap(), state: Arc::new(Mutex::new(state)) };
        let serving = node.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let node = serving.clone();
                tokio::spawn(async move { node.answer(stream).await });
            }
        });
        node
    }

    /// The paths of the commands that were received.
    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let mut request = head.split_ascii_whitespace();
        let (method, path) = (request.next()?, request.next()?);
        let reply = self.state.lock().unwrap().reply(method, path);
        let bytes = match &reply {
            Reply::Answer(status, body) => format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            ),
            Reply::Redirect(to) => format!(
                "HTTP/1.1 302 -\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            Reply::Cut(body) => {
                format!("HTTP/1.1 200 -\r\ncontent-length: {}\r\n\r\n{body}", body.len() + 1)
            }
            Reply::Closed => String::new(),
            Reply::Never => std::future::pending().await,
            Reply::Garbage => "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        };
        stream.write_all(bytes.as_bytes()).await.ok()?;
        stream.shutdown().await.ok()
    }
}

impl State {
    fn reply(&mut self, method: &str, path: &str) -> Reply {
        let parameter = |name: &str| {
            let (_, query) = path.split_once('?')?;
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        match (method, parameter("cmd")) {
            ("GET", Some("rebuildStatus")) => {
                self.questions.push(path.to_owned());
                match self.status.len() {
                    0 => ok(&self.rebuild_status()),
                    1 => self.status[0].clone(),
                    _ => self.status.pop_front().unwrap(),
                }
            }
            ("GET", Some("aaStatus")) => {
                self.questions.push(path.to_owned());
                ok(&self.aa_status)
            }
            ("POST", Some(command @ ("startRebuild" | "propagateCaches"))) => {
                self.commands.push(path.to_owned());
                if command == "startRebuild" && !self.deaf {
                    let number = |name: &str| parameter(name).unwrap().parse().unwrap();
                    self.rebuild = Some((number("run"), number("attempt"), "RUNNING"));
                }
                let said = if command == "startRebuild" { "STARTED" } else { "PROPAGATED" };
                self.command.clone().unwrap_or_else(|| ok(said))
            }
            ("GET", Some("startRebuild" | "propagateCaches")) => Reply::Answer(405, String::new()),
            _ => Reply::Answer(404, "<html><body>Not Found</body></html>".to_owned()),
        }
    }

    fn rebuild_status(&self) -> String {
        match self.rebuild {
            None => r#"{"state":null,"percent":0,"run":null}"#.to_owned(),
            Some((run, attempt, state)) => {
                format!(r#"{{"state":"{state}","percent":12.5,"run":"{run}-{attempt}"}}"#)
            }
        }
    }
}
