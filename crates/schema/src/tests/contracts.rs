//! Contracts: judgements that dlt made, and resolution.

use serde_json::{Value, json};

use super::{cases, schema, table};
use crate::{Contract, ContractMode, Table};

#[test]
fn contracts_judge_as_those_of_dlt() {
    let mut refused_count = 0;
    for case in cases("schema/contracts.jsonl") {
        let schema = schema(&case["tables"]);
        let contract = Contract::from_value(&case["contract"]).unwrap();
        let judged = schema.apply_contract(&contract, table(&case["table"]));
        if let Some(error) = case["error"].as_str() {
            let text = judged.unwrap_err().to_string();
            assert_eq!(text.split(" Existing column").next(), Some(error));
            refused_count += 1;
            continue;
        }
        let Some(applied) = judged.unwrap() else {
            assert_eq!(case["applied"], Value::Null, "{case}");
            continue;
        };
        assert_eq!(applied.table, table(&case["applied"]), "{case}");
        let filtered = applied
            .filtered
            .iter()
            .map(|(name, mode)| json!([name, mode.as_str()]));
        assert_eq!(filtered.collect::<Value>(), case["filtered"], "{case}");
    }
    assert!(refused_count > 20);
}

#[test]
fn the_nearest_contract_is_taken_whole() {
    let mut schema = schema(&json!({
        "own": {"columns": {}, "schema_contract": {"columns": "freeze"}},
        "own__kids": {"columns": {}, "parent": "own"},
        "none": {"columns": {}},
        "null": {"columns": {}, "schema_contract": null},
    }));
    schema.settings.schema_contract = Some(json!("discard_value"));
    let frozen = Contract {
        columns: ContractMode::Freeze,
        ..Contract::default()
    };
    assert_eq!(schema.contract_for("own"), frozen);
    assert_eq!(schema.contract_for("own__kids"), frozen);
    assert_eq!(
        schema.contract_for("none"),
        Contract::uniform(ContractMode::DiscardValue)
    );
    assert_eq!(
        schema.contract_for("not_there"),
        Contract::uniform(ContractMode::DiscardValue)
    );
    assert!(schema.contract_for("null").allows_all());
    assert!(schema.contract_for("_dlt_loads").allows_all());

    let child = Table {
        parent: Some("own".to_owned()),
        ..Table::new("own__new")
    };
    assert_eq!(schema.contract_with(&child), frozen);
}

#[test]
fn an_unknown_mode_or_entity_is_named() {
    let error = |value: Value| Contract::from_value(&value).unwrap_err().to_string();
    let errors = [
        error(json!("freez")),
        error(json!({"rows": "freeze"})),
        error(json!({"tables": 1})),
        error(json!([])),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r"
    `freez` is no part of a schema contract: a mode is one of evolve, freeze, discard_row, discard_value
    `rows` is no part of a schema contract: its keys are tables, columns, data_type
    `1` is no part of a schema contract: a mode is one of evolve, freeze, discard_row, discard_value
    `[]` is no part of a schema contract: it is a word or an object
    ");
}

#[test]
fn a_violation_shows_the_keys_of_the_row() {
    let columns =
        json!({"id": {"data_type": "bigint", "primary_key": true}, "_dlt_id": {"unique": true}});
    let schema = schema(&json!({"t": {"columns": columns}}));
    let partial = json!({"name": "t", "columns": {"c": {"data_type": "text"}}});
    let contract = Contract::uniform(ContractMode::Freeze);
    let violation = schema
        .apply_contract(&contract, table(&partial))
        .unwrap_err();
    let violation = violation.with_row(&schema.tables["t"], |column| {
        (column == "id").then(|| "7".to_owned())
    });
    insta::assert_snapshot!(violation, @"In schema `s`: In Table: `t` Column: `c` . Contract on `columns` with `contract_mode=freeze` is violated. Can't add table column `c` to table `t` because `columns` are frozen. Offending data item: id: 7, _dlt_id: None");
}
