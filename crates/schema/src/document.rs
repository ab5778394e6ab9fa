//! The stored document of a schema: reading it, whatever engine wrote it, and writing it.
//!
//! The document is the contract with dlt, the model is ours; this file and `properties` are the only places that
//! know both. Nothing is lost on the way: what the model does not type is kept as it came. Start with
//! [`Schema::from_document`] (spec/schema.md §1).

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::migrations::migrate;
use crate::{Column, Contract, Hints, Schema, SchemaError, SchemaSettings, Table};

/// Normalizer that is stored when a document names none.
pub(crate) const RELATIONAL_NORMALIZER: &str = "dlt.common.normalizers.json.relational";

/// Namespace of the short names of normalizers.
const NORMALIZER_NAMESPACE: &str = "dlt.common.normalizers.json";

impl Schema {
    /// Reads a stored or exported document, upgrading one of an older engine.
    ///
    /// The version is not raised, even if the upgrade changes the content; call [`Schema::bump`] for that.
    ///
    /// # Errors
    /// [`SchemaError::Damaged`], [`SchemaError::EngineTooNew`], [`SchemaError::UnknownDataType`],
    /// [`SchemaError::ParentNotFound`], [`SchemaError::Contract`], [`SchemaError::Naming`]. Patterns are read where they are used.
    pub fn from_document(document: &Value) -> Result<Self, SchemaError> {
        let document = document
            .as_object()
            .ok_or_else(|| damaged("", "it is not an object"))?;
        let mut document = migrate(document.clone())?;
        let mut schema = Schema {
            name: take_text(&mut document, "name").unwrap_or_default(),
            ..Schema::default()
        };
        if schema.name.is_empty() {
            return Err(damaged("", "it has no `name`"));
        }
        schema.read_header(&mut document)?;
        schema.tables = schema.read_tables(document.shift_remove("tables"))?;
        schema.settings = read_settings(schema.take_object(&mut document, "settings")?);
        schema.normalizers = read_normalizers(schema.take_object(&mut document, "normalizers")?);
        schema.other = document;
        schema.check_tables()?;
        Ok(schema)
    }

    /// The document as dlt stores it, in dlt's order of properties.
    pub fn to_document(&self) -> Value {
        Value::Object(self.to_properties())
    }

    pub(crate) fn to_properties(&self) -> Map<String, Value> {
        let tables = self
            .tables
            .iter()
            .map(|(name, table)| (name.clone(), table.to_properties()));
        let mut document = Map::new();
        let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
        put("version", self.version.into());
        put("version_hash", self.version_hash.clone().into());
        put("engine_version", self.engine_version.into());
        put("name", self.name.clone().into());
        put(
            "tables",
            tables
                .map(|(name, table)| (name, Value::Object(table)))
                .collect(),
        );
        put("settings", write_settings(&self.settings));
        put("normalizers", self.normalizers.clone().into());
        put("previous_hashes", self.previous_hashes.clone().into());
        if let Some(hash) = &self.imported_version_hash {
            put("imported_version_hash", hash.clone().into());
        }
        if let Some(description) = &self.description {
            put("description", description.clone().into());
        }
        document.extend(
            self.other
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        document
    }

    fn read_header(&mut self, document: &mut Map<String, Value>) -> Result<(), SchemaError> {
        self.version = match document.shift_remove("version") {
            None | Some(Value::Null) => 1,
            Some(version) => version
                .as_i64()
                .ok_or_else(|| damaged(&self.name, "`version` is not an integer"))?,
        };
        self.version_hash = take_text(document, "version_hash").filter(|hash| !hash.is_empty());
        document.shift_remove("version_hash");
        let engine_version = document.shift_remove("engine_version");
        self.engine_version = engine_version
            .and_then(|engine| engine.as_i64())
            .unwrap_or(0);
        self.previous_hashes = read_texts(document.shift_remove("previous_hashes").as_ref())
            .ok_or_else(|| damaged(&self.name, "`previous_hashes` is not a list of texts"))?;
        self.imported_version_hash = take_text(document, "imported_version_hash");
        self.description = take_text(document, "description");
        Ok(())
    }

    /// Takes an object out of a document; absent and `null` are the empty object.
    fn take_object(
        &self,
        document: &mut Map<String, Value>,
        key: &str,
    ) -> Result<Hints, SchemaError> {
        match document.shift_remove(key) {
            None | Some(Value::Null) => Ok(Hints::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(damaged(&self.name, &format!("`{key}` is not an object"))),
        }
    }

    fn read_tables(&self, tables: Option<Value>) -> Result<IndexMap<String, Table>, SchemaError> {
        let Some(Value::Object(tables)) = tables else {
            return Err(damaged(&self.name, "it has no `tables`"));
        };
        let read = |(name, properties): (String, Value)| match properties {
            Value::Object(properties) => {
                let mut table = Table::from_properties(&name, &properties);
                set_table_defaults(&mut table);
                Ok((name, table))
            }
            _ => Err(damaged(
                &self.name,
                &format!("table `{name}` is not an object"),
            )),
        };
        tables.into_iter().map(read).collect()
    }

    /// Checks what a document may promise and not keep: types, parents, contracts.
    fn check_tables(&self) -> Result<(), SchemaError> {
        self.check_contracts(self.tables.values())?;
        let system = self.system_tables(None)?;
        for name in [system.version, system.loads] {
            if !self.tables.contains_key(&name) {
                return Err(damaged(
                    &self.name,
                    &format!("it lacks the system table `{name}`"),
                ));
            }
        }
        for table in self.tables.values() {
            if let Some(parent) = table.parent.as_ref().filter(|_| table.is_nested())
                && !self.tables.contains_key(parent)
            {
                return Err(SchemaError::ParentNotFound {
                    schema: self.name.clone(),
                    table: table.name.clone(),
                    parent: parent.clone(),
                });
            }
            for column in table.columns.values() {
                self.check_types(table, column)?;
            }
        }
        Ok(())
    }

    /// Checks the contracts of tables and of the settings.
    pub(crate) fn check_contracts<'a>(
        &self,
        tables: impl IntoIterator<Item = &'a Table>,
    ) -> Result<(), SchemaError> {
        let own = tables
            .into_iter()
            .filter_map(|table| table.hints.get("schema_contract"));
        own.chain(&self.settings.schema_contract)
            .try_for_each(|contract| Contract::from_value(contract).map(|_| ()))
    }

    /// A typed property among the hints has a value of another form.
    fn check_types(&self, table: &Table, column: &Column) -> Result<(), SchemaError> {
        for property in ["data_type", "nullable", "precision", "scale", "timezone"] {
            let Some(value) = column.hints.get(property).filter(|value| !value.is_null()) else {
                continue;
            };
            if let ("data_type", Some(word)) = (property, value.as_str()) {
                return Err(SchemaError::UnknownDataType {
                    schema: self.name.clone(),
                    table: table.name.clone(),
                    column: column.name.clone(),
                    data_type: word.to_owned(),
                });
            }
            let column = format!("`{}.{}`", table.name, column.name);
            let problem = format!("`{property}` of column {column} cannot be {value}");
            return Err(damaged(&self.name, &problem));
        }
        Ok(())
    }
}

/// Gives a root table the disposition and the resource that its absence stands for.
fn set_table_defaults(table: &mut Table) {
    if table.is_nested() {
        return;
    }
    for (property, default) in [
        ("write_disposition", "append"),
        ("resource", table.name.as_str()),
    ] {
        if table.hints.get(property).is_none_or(Value::is_null) {
            table.hints.insert(property.to_owned(), default.into());
        }
    }
}

pub(crate) fn damaged(schema: &str, problem: &str) -> SchemaError {
    SchemaError::Damaged {
        schema: schema.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Takes a text out of a document; a value of another form stays.
fn take_text(document: &mut Map<String, Value>, key: &str) -> Option<String> {
    match document.get(key)? {
        Value::String(text) => {
            let text = text.clone();
            document.shift_remove(key);
            Some(text)
        }
        _ => None,
    }
}

/// A list of texts; absent and `null` are the empty list, anything else is none.
fn read_texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Some(_) => None,
    }
}

/// Types the settings that have the form they should have and keeps the others.
fn read_settings(settings: Hints) -> SchemaSettings {
    let mut read = SchemaSettings::default();
    for (key, value) in settings {
        let is_typed = match key.as_str() {
            "detections" if value.is_array() => put(&mut read.detections, read_texts(Some(&value))),
            "default_hints" => put(&mut read.default_hints, read_patterns(&value)),
            "preferred_types" => put(&mut read.preferred_types, read_types(&value)),
            "schema_contract" => put(&mut read.schema_contract, Some(value.clone())),
            _ => false,
        };
        if !is_typed {
            read.other.insert(key, value);
        }
    }
    read
}

fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn read_patterns(value: &Value) -> Option<IndexMap<String, Vec<String>>> {
    let lists = value.as_object()?.iter();
    lists
        .map(|(hint, list)| {
            list.as_array()
                .and_then(|_| Some((hint.clone(), read_texts(Some(list))?)))
        })
        .collect()
}

fn read_types(value: &Value) -> Option<IndexMap<String, String>> {
    let types = value.as_object()?.iter();
    types
        .map(|(pattern, word)| Some((pattern.clone(), word.as_str()?.to_owned())))
        .collect()
}

fn write_settings(settings: &SchemaSettings) -> Value {
    let mut written = Hints::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            written.insert(key.to_owned(), value);
        }
    };
    put("detections", settings.detections.clone().map(Value::from));
    let hints = settings.default_hints.as_ref().map(|hints| {
        hints
            .iter()
            .map(|(hint, patterns)| (hint.clone(), Value::from(patterns.clone())))
            .collect()
    });
    put("default_hints", hints);
    let types = settings.preferred_types.as_ref().map(|types| {
        types
            .iter()
            .map(|(pattern, word)| (pattern.clone(), Value::from(word.clone())))
            .collect()
    });
    put("preferred_types", types);
    put("schema_contract", settings.schema_contract.clone());
    written.extend(
        settings
            .other
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    written.into()
}

/// Fills in the default normalizers, under their full names.
fn read_normalizers(mut read: Hints) -> Hints {
    if read.get("names").is_none_or(Value::is_null) {
        read.insert("names".to_owned(), "snake_case".into());
    }
    if !read.get("json").is_some_and(Value::is_object) {
        read.insert("json".to_owned(), Hints::new().into());
    }
    if let Some(Value::Object(json)) = read.get_mut("json") {
        let module = match json.get("module").and_then(Value::as_str) {
            None => RELATIONAL_NORMALIZER.to_owned(),
            Some(module) if !module.contains('.') => format!("{NORMALIZER_NAMESPACE}.{module}"),
            Some(module) => module.to_owned(),
        };
        json.insert("module".to_owned(), module.into());
    }
    read
}
