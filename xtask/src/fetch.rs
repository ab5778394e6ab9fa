//! `cargo xtask fetch`: the plain loop that a load is measured against.
//!
//! It asks for one page after another on one connection and reads each body, as a loader must, and does nothing else.
//! It speaks just enough HTTP/1.1 for the mock server, so that nothing it does can be left out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::failure::Failure;

/// `cargo xtask fetch URL AUTHORIZATION PAGES`: pages 1 to PAGES of a list whose URL ends where the page number goes.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let [url, authorization, pages] = arguments else {
        return Err(Failure::Other(
            "usage: fetch URL AUTHORIZATION PAGES".to_owned(),
        ));
    };
    let pages = pages
        .parse()
        .map_err(|_| Failure::Other(format!("`{pages}` is no number of pages")))?;
    let mut line = Line::connect(url)?;
    let mut bytes: u64 = 0;
    for page in 1..=pages {
        bytes += line.fetch(page, authorization)?.len() as u64;
    }
    println!("{pages} pages, {bytes} bytes");
    Ok(())
}

/// One request on a connection of its own; the body.
pub fn once(method: &str, url: &str, body: &str) -> Result<Vec<u8>, Failure> {
    let mut line = Line::connect(url)?;
    let path = line.path.clone();
    line.send(method, &path, "", body)?;
    line.read()
}

/// A connection that is kept.
struct Line {
    reader: BufReader<TcpStream>,
    host: String,
    path: String,
    body: Vec<u8>,
}

impl Line {
    fn connect(url: &str) -> Result<Line, Failure> {
        let rest = url.strip_prefix("http://");
        let (host, path) = rest
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| Failure::Other(format!("`{url}` is no http:// URL with a path")))?;
        let stream = TcpStream::connect(host).map_err(|cause| broken(host, &cause))?;
        stream
            .set_nodelay(true)
            .map_err(|cause| broken(host, &cause))?;
        Ok(Line {
            reader: BufReader::with_capacity(1 << 16, stream),
            host: host.to_owned(),
            path: format!("/{path}"),
            body: Vec::new(),
        })
    }

    fn fetch(&mut self, page: u64, authorization: &str) -> Result<&[u8], Failure> {
        let path = format!("{}{page}", self.path);
        self.send("GET", &path, authorization, "")?;
        self.body = self.read()?;
        Ok(&self.body)
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        authorization: &str,
        body: &str,
    ) -> Result<(), Failure> {
        let host = self.host.clone();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = self.reader.get_mut();
        stream
            .write_all(request.as_bytes())
            .map_err(|cause| broken(&host, &cause))
    }

    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        let host = self.host.clone();
        let mut length = 0;
        let mut status = String::new();
        for number in 0.. {
            let mut header = String::new();
            self.reader
                .read_line(&mut header)
                .map_err(|cause| broken(&host, &cause))?;
            if number == 0 {
                status = header;
            } else if header.trim().is_empty() {
                break;
            } else if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        // The space of the page before is used again: the loop must not be slowed by what it does not need.
        let mut body = std::mem::take(&mut self.body);
        body.resize(length, 0);
        self.reader
            .read_exact(&mut body)
            .map_err(|cause| broken(&host, &cause))?;
        if !status.contains(" 200 ") {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(Failure::Other(format!("{}: {text}", status.trim())));
        }
        Ok(body)
    }
}

fn broken(host: &str, cause: &std::io::Error) -> Failure {
    Failure::Other(format!("the connection to {host}: {cause}"))
}
