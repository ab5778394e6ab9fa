//! Pipeline files that `tipple init` writes.

use serde_json::Value;
use tipple_rest::builtin::{BuiltIn, OptionKind};
use tipple_rest::import::Imported;
use tipple_schema::yaml;
use tipple_source::SourceError;

use super::Plan;
use super::files::SecretLine;
use super::questions::Wishes;

/// A pipeline file of a built-in source: usual resources, the others as comments.
///
/// # Errors
/// The built-in document is broken.
pub fn built_in(source: &BuiltIn, wishes: &Wishes) -> Result<Plan, SourceError> {
    let name = source.names[0];
    let (dataset, destination) = (dataset(name, wishes), &wishes.destination);
    let full_name = source.names.last().copied().unwrap_or(name);
    let resources = source.resources()?;
    let mut text = format!(
        "# {}\nsource: {full_name}\ndataset: {dataset}\ndestination: {destination}\n",
        source.title
    );
    text.push_str("# options:\n");
    for option in source.options {
        text.push_str(&format!(
            "#   {}: {}  # {}\n",
            option.name,
            example(option.kind),
            option.help
        ));
    }
    text.push_str("resources:\n");
    let is_usual = |resource: &String| source.defaults.contains(&resource.as_str());
    let (usual, others): (Vec<&String>, Vec<&String>) =
        resources.iter().partition(|resource| is_usual(resource));
    usual
        .iter()
        .for_each(|resource| text.push_str(&format!("  - {resource}\n")));
    others
        .iter()
        .for_each(|resource| text.push_str(&format!("  # - {resource}\n")));
    let needed = source.secrets.iter().filter(|secret| {
        secret.resources.is_empty()
            || secret
                .resources
                .iter()
                .any(|resource| source.defaults.contains(resource))
    });
    Ok(Plan {
        name: name.to_owned(),
        pipeline: text,
        secrets: needed
            .map(|secret| SecretLine {
                path: secret.path.to_owned(),
                value: None,
                title: secret.title.to_owned(),
            })
            .collect(),
        about: format!(
            "{} resources known, {} enabled: {}",
            resources.len(),
            usual.len(),
            source.defaults.join(", ")
        ),
        notes: Vec::new(),
    })
}

fn example(kind: OptionKind) -> String {
    match kind {
        OptionKind::Text => "\"…\"".to_owned(),
        OptionKind::Bool => "true".to_owned(),
        OptionKind::Number(_, high) => high.to_string(),
        OptionKind::Choice(words) => words.join("|"),
        OptionKind::Objects(keys) => {
            let members: Vec<String> = keys.iter().map(|key| format!("{key}: …")).collect();
            format!("[{{ {} }}]", members.join(", "))
        }
    }
}

fn dataset(name: &str, wishes: &Wishes) -> String {
    let wished = wishes.dataset.clone();
    wished.unwrap_or_else(|| format!("{name}_data"))
}

/// The general template.
pub fn rest_api(name: &str, wishes: &Wishes) -> Plan {
    // Without a field of one's own, the lines stand as an example.
    let (mark, cursor) = match &wishes.cursor {
        Some(cursor) => ("", cursor.as_str()),
        None => ("# ", "updated_at"),
    };
    let pipeline = REST_TEMPLATE
        .replace("NAME", name)
        .replace("DATASET", &dataset(name, wishes))
        .replace("DESTINATION", &wishes.destination)
        .replace("MARK ", mark)
        .replace("CURSOR", &Value::from(cursor).to_string());
    Plan {
        name: name.to_owned(),
        pipeline,
        secrets: vec![SecretLine {
            path: format!("sources.{name}_source.token"),
            value: None,
            title: "token of the API".to_owned(),
        }],
        about: "a template: fill in address, authentication and resources".to_owned(),
        notes: Vec::new(),
    }
}

/// A pipeline file from a document that was read elsewhere.
pub fn imported(name: &str, destination: &str, found: Imported) -> Plan {
    let mut document = serde_json::Map::new();
    let members = found.document.as_object().cloned().unwrap_or_default();
    for (key, value) in members {
        let is_source = key == "source";
        document.insert(key, value);
        if is_source {
            document.insert("dataset".to_owned(), format!("{name}_data").into());
            document.insert("destination".to_owned(), destination.into());
        }
    }
    let count = document
        .get("resources")
        .and_then(|list| list.as_array())
        .map_or(0, Vec::len);
    let document = serde_json::Value::Object(document);
    let mut secrets: Vec<SecretLine> = found
        .secrets
        .into_iter()
        .map(|(path, value)| SecretLine {
            title: path.clone(),
            path,
            value: Some(value),
        })
        .collect();
    secrets.extend(references(&document.to_string(), &secrets));
    Plan {
        name: name.to_owned(),
        pipeline: yaml::to_text(&document),
        secrets,
        about: format!(
            "{count} {}",
            if count == 1 { "resource" } else { "resources" }
        ),
        notes: found.notes,
    }
}

/// Secrets that the document refers to and nobody has given.
fn references(text: &str, known: &[SecretLine]) -> Vec<SecretLine> {
    let mut lines: Vec<SecretLine> = Vec::new();
    for rest in text.split("${secrets.").skip(1) {
        let path = rest.split('}').next().unwrap_or_default().to_owned();
        if known.iter().chain(&lines).any(|line| line.path == path) {
            continue;
        }
        let title = path
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .replace('_', " ");
        lines.push(SecretLine {
            path,
            value: None,
            title,
        });
    }
    lines
}

const REST_TEMPLATE: &str = r#"# A REST API as tables. Fill in the address, who asks, and the resources; then
#   tipple check NAME_pipeline.yaml     says what is wrong, and asks for one page
#   tipple run NAME_pipeline.yaml
# Completion in editors: tipple schema pipeline-file > pipeline.schema.json

source: NAME_source
# Schema of the tables.
dataset: DATASET
destination: DESTINATION

client:
  base_url: https://api.example.com/v1
  auth:                        # leave it out for an open API
    type: bearer               # or api_key, http_basic, oauth2_client_credentials, oauth2_jwt_bearer, hmac
    token: "${secrets.sources.NAME_source.token}"    # stands in .dlt/secrets.toml
  # How the next page is found. Without it, the first answer decides. Also: offset, cursor, json_link, header_link, single_page.
  # paginator: { type: page_number, base_page: 1, total_path: pagination.pages }

resource_defaults:             # hold for every resource that does not say otherwise
  primary_key: id
  write_disposition: merge     # or append, replace
  endpoint:
    params: { per_page: 100 }

resources:
  # GET /posts becomes the table `posts`.
  - name: posts
    endpoint:
      path: posts
      # data_selector: data    # where the rows are in an answer; found out when it is left out
      # Only what is new since the last run, by a field that grows:
      MARK incremental: { cursor_path: CURSOR, initial_value: "2024-01-01T00:00:00Z" }
      MARK params: { since: "{incremental.start_value}" }    # the parameter by which the API takes the start

  # GET /posts/<id>/comments for each post becomes the table `comments`, with the id of the post as `_posts_id`.
  - name: comments
    include_from_parent: [id]
    endpoint: "posts/{resources.posts.id}/comments"
"#;
