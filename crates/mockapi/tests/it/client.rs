//! A client of a few lines: tests of the mock must not depend on what it is there to test.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// An answer as it came over the line.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the connection ended before the announced end of the body.
    pub is_cut: bool,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request on a connection of its own. Nothing when the connection ends without an answer.
pub fn send(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Reply> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    read(BufReader::new(stream))
}

fn read(mut reader: BufReader<TcpStream>) -> Option<Reply> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|bytes| *bytes > 0)?;
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut body = Vec::new();
    let _ = reader.read_to_end(&mut body);
    let mut reply = Reply {
        status,
        headers,
        body,
        is_cut: false,
    };
    if let Some(length) = reply.header("content-length") {
        reply.is_cut = reply.body.len() < length.parse().unwrap();
    } else if reply.header("transfer-encoding").is_some() {
        reply.is_cut = !reply.body.ends_with(b"0\r\n\r\n");
    }
    Some(reply)
}

/// GET without credentials.
pub fn get(base: &str, path: &str) -> Reply {
    send(base, "GET", path, &[], "").unwrap()
}

/// GET of api.video with the key `mock-key`.
pub fn get_video(base: &str, path: &str) -> Reply {
    let header = ("authorization", "Basic bW9jay1rZXk6");
    send(base, "GET", path, &[header], "").unwrap()
}
