//! Answers of every shape and encoding, most of them one page.

use std::io::Write;

use flate2::Compression;
use serde_json::{Map, Value, json};

use crate::request::Answer;
use crate::state::Call;

use super::error;

/// Rows of answers that test the shape, not the rows.
const ROWS: &str = r#"[{"id":1,"name":"a"},{"id":2,"name":"b"}]"#;

/// Answers the shapes that have one segment.
pub(super) fn answer(call: &Call<'_>, name: &str) -> Option<Answer> {
    Some(match name {
        "object" => Answer::json(200, r#"{"id":1,"name":"one","nested":{"a":1}}"#).with_rows(1),
        "object-with-list" => json_rows(&format!(r#"{{"id":1,"items":{ROWS},"total":2}}"#)),
        "two-lists" => json_rows(&format!(r#"{{"short":[{{"id":9}}],"long":{ROWS}}}"#)),
        "deep-list" => json_rows(&format!(r#"{{"result":{{"payload":{{"rows":{ROWS}}}}}}}"#)),
        "odd-keys" => json_rows(
            r#"{"data":[{"a.b":1,"a b":2,"a-b":3,"ä":4,"$x":5,"":6,"a'b":7,"@id":8,"class":{"x.y":9}}]}"#,
        ),
        "scalars" => json_rows(r#"[1,2,"x",true,null]"#),
        "null" => Answer::json(200, "null"),
        "empty-204" => Answer {
            headers: Vec::new(),
            ..Answer::json(204, "")
        },
        "empty-200" => Answer::json(200, ""),
        "html" => Answer::new(
            200,
            "text/html; charset=utf-8",
            "<html><body><h1>Log in</h1></body></html>",
        ),
        "error-200" => Answer::value(
            200,
            &json!({"status": 500, "message": "Upstream timed out", "data": null}),
        ),
        "ndjson" => Answer::new(
            200,
            "application/x-ndjson",
            "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n",
        ),
        "bom" => json_rows(&format!("\u{feff}{ROWS}")),
        "latin1" => Answer::new(
            200,
            "application/json; charset=iso-8859-1",
            b"[{\"id\":1,\"name\":\"K\xf6ln\"}]".to_vec(),
        ),
        "gzip" | "deflate" | "br" | "zstd" => compressed(name),
        "numbers" => json_rows(
            r#"[{"int":9223372036854775807,"float":1.5,"exponent":1e3,"whole":2.0,"tiny":1e-7,"negative_zero":-0.0,"digits":0.1234567890123456789}]"#,
        ),
        "big-number" => json_rows(r#"[{"id":1,"big":9223372036854775808}]"#),
        "echo" => echo(call),
        "redirect-other-host" => redirect_other_host(call),
        _ => return None,
    })
}

fn json_rows(body: &str) -> Answer {
    Answer::json(200, body.to_owned()).with_rows(2)
}

fn compressed(encoding: &str) -> Answer {
    match encode(encoding, ROWS.as_bytes()) {
        Ok(body) => Answer::json(200, body)
            .with_rows(2)
            .header("content-encoding", encoding),
        Err(cause) => error(500, "encoding", &cause.to_string()),
    }
}

fn encode(encoding: &str, plain: &[u8]) -> std::io::Result<Vec<u8>> {
    match encoding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 5, 20).write_all(plain)?;
            Ok(out)
        }
        _ => zstd::encode_all(plain, 1),
    }
}

/// The request as one row.
fn echo(call: &Call<'_>) -> Answer {
    let request = call.request;
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                json!(String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect();
    let body = match request.json() {
        Value::Null => json!(String::from_utf8_lossy(&request.body)),
        value => value,
    };
    let row = json!({
        "method": request.method.as_str(), "path": request.path, "query": request.raw_query,
        "headers": headers, "body": body,
    });
    Answer::value(200, &json!([row])).with_rows(1)
}

/// `/g/redirect/{n}`: so many redirects, then a list.
pub(super) fn redirect(call: &Call<'_>, count: &str) -> Answer {
    let count: u32 = count.parse().unwrap_or(0);
    if count == 0 {
        return json_rows(ROWS);
    }
    let query = &call.request.raw_query;
    let mark = if query.is_empty() { "" } else { "?" };
    found(&format!("/g/redirect/{}{mark}{query}", count - 1))
}

/// `/g/redirect-to?url=`.
pub(super) fn redirect_to(call: &Call<'_>) -> Answer {
    found(call.request.param("url").unwrap_or("/g/echo"))
}

fn found(location: &str) -> Answer {
    Answer::json(302, "").header("location", location)
}

/// From 127.0.0.1 to localhost and back: another host for a client that must not send credentials there.
fn redirect_other_host(call: &Call<'_>) -> Answer {
    let port = call.state.url.rsplit(':').next().unwrap_or_default();
    let is_number = call
        .request
        .header("host")
        .is_some_and(|host| host.starts_with("127."));
    let host = if is_number { "localhost" } else { "127.0.0.1" };
    found(&format!("http://{host}:{port}/g/echo"))
}
