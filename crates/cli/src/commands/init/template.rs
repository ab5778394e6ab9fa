//! Pipeline files that `tipple init` writes.

use tipple_rest::builtin::{BuiltIn, OptionKind};
use tipple_rest::import::Imported;
use tipple_schema::yaml;
use tipple_source::SourceError;

use super::Plan;
use super::files::SecretLine;

/// A pipeline file of a built-in source: usual resources, the others as comments.
///
/// # Errors
/// The built-in document is broken.
pub fn built_in(source: &BuiltIn, destination: &str) -> Result<Plan, SourceError> {
    let name = source.names[0];
    let full_name = source.names.last().copied().unwrap_or(name);
    let resources = source.resources()?;
    let mut text = format!(
        "# {}\nsource: {full_name}\ndataset: {name}_data\ndestination: {destination}\n",
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

/// The general template.
pub fn rest_api(name: &str, destination: &str) -> Plan {
    let pipeline = REST_TEMPLATE
        .replace("NAME", name)
        .replace("DESTINATION", destination);
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

const REST_TEMPLATE: &str = r#"# A REST API. For completion in editors: `tipple schema pipeline-file > pipeline.schema.json`
source: NAME_source
dataset: NAME_data
destination: DESTINATION

client:
  base_url: https://api.example.com/v1
  auth:
    type: bearer          # or api_key, http_basic, oauth2_client_credentials
    token: "${secrets.sources.NAME_source.token}"
  # paginator: { type: page_number, base_page: 1, total_path: pagination.pages }
  #                       # without it, the first answer decides

resource_defaults:
  primary_key: id
  write_disposition: merge
  endpoint:
    params: { per_page: 100 }

resources:
  - name: posts
    endpoint:
      path: posts
      # data_selector: data
      # incremental: { cursor_path: updated_at, initial_value: "2024-01-01T00:00:00Z" }
      # params: { since: "{incremental.start_value}" }
  - name: comments
    include_from_parent: [id]
    endpoint: "posts/{resources.posts.id}/comments"
"#;
