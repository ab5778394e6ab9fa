//! What a user is told when the server refuses.

use tipple_destination::{Destination as _, DestinationError, ErrorKind};
use tipple_testkit::server::Database;

use crate::server::{Server, destination};
use crate::support::{Shop, ints, job, schema, table};

/// The error without what differs from run to run.
fn told(database: &Database, error: &DestinationError) -> String {
    let mut text = format!("{}, {:?}: {error}", error.code(), error.kind());
    if let DestinationError::Forbidden {
        grant: Some(grant), ..
    } = error
    {
        text.push_str(&format!("\n{grant}"));
    }
    let port = database
        .url()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .split('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    text.replace(database.name(), "[database]")
        .replace(&port, "[port]")
}

/// A user of the server for one test; gives the destination with it.
fn user(server: &Server, rights: &str) -> (String, tipple_destination_postgres::Postgres) {
    let (database, name) = (&server.database, format!("user_{}", server.database.name()));
    database
        .run(&format!(
            "DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN PASSWORD 'canary'; {}",
            rights.replace("USER", &name)
        ))
        .unwrap();
    let postgres = destination(&database.url_of(&name, "canary"));
    (name, postgres)
}

fn drop_user(server: &Server, name: &str) {
    server
        .database
        .run(&format!("DROP OWNED BY {name}; DROP ROLE {name}"))
        .unwrap();
}

async fn load_as(server: &Server, rights: &str) -> String {
    let (name, postgres) = user(server, rights);
    let shop = Shop::new(&postgres, schema([table("t", None, "append", "n bigint")]));
    let loaded = shop
        .load("1.1", vec![job("t", vec![("n", ints([1]))])])
        .await;
    drop_user(server, &name);
    match loaded {
        Ok(_) => "loaded".to_owned(),
        Err(error) => told(&server.database, &error).replace(&name, "[user]"),
    }
}

#[tokio::test]
async fn a_missing_right_is_named_with_its_grant() {
    let Some(server) = Server::new() else {
        return;
    };
    insta::assert_snapshot!(load_as(&server, "").await, @r#"
    destination.forbidden, Terminal: the user has no right to create the dataset `ds` at postgresql://user_[database]@localhost:[port]/[database]: permission denied for database [database]
    GRANT CREATE ON DATABASE "[database]" TO "user_[database]"
    "#);
    server.database.run("CREATE SCHEMA ds").unwrap();
    insta::assert_snapshot!(load_as(&server, "GRANT USAGE ON SCHEMA ds TO USER").await, @r#"
    destination.forbidden, Terminal: the user has no right to create the table `_dlt_version` in dataset `ds` at postgresql://user_[database]@localhost:[port]/[database]: permission denied for schema ds
    GRANT USAGE, CREATE ON SCHEMA "ds" TO "user_[database]"
    "#);
    server.database.run("CREATE TABLE ds.t (m bigint)").unwrap();
    insta::assert_snapshot!(load_as(&server, "GRANT USAGE, CREATE ON SCHEMA ds TO USER").await, @r#"
    destination.forbidden, Terminal: the user has no right to change the table `t` in dataset `ds` at postgresql://user_[database]@localhost:[port]/[database]: must be owner of table t
    ALTER TABLE "ds"."t" OWNER TO "user_[database]"
    "#);
}

#[tokio::test]
async fn the_rights_that_the_manual_names_are_enough() {
    let Some(server) = Server::new() else {
        return;
    };
    let database = server.database.name();
    let rights = format!("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO USER");
    assert_eq!(load_as(&server, &rights).await, "loaded");
    server
        .database
        .run("CREATE SCHEMA IF NOT EXISTS ds")
        .unwrap();
    assert_eq!(
        load_as(&server, "GRANT USAGE, CREATE ON SCHEMA ds TO USER").await,
        "loaded"
    );
}

#[tokio::test]
async fn a_login_that_is_refused_does_not_show_the_password() {
    let Some(server) = Server::new() else {
        return;
    };
    let names = server.postgres.dataset_names("ds");
    for (password, url) in [
        ("wrong", server.database.url_of("tipple", "canary")),
        (
            "none",
            server.database.url().replace("tipple:tipple@", "tipple@"),
        ),
    ] {
        let error = destination(&url).connect(&names).await.err().unwrap();
        let text = told(&server.database, &error);
        assert!(!format!("{text} {error:?}").contains("canary"));
        insta::assert_snapshot!(format!("password_{password}"), text);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_can_come_back() {
    let nobody = destination("postgresql://u:canary@127.0.0.1:1/d");
    let error = nobody
        .connect(&nobody.dataset_names("ds"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Transient);
    insta::assert_snapshot!(error, @"postgresql://u@127.0.0.1:1/d cannot be opened: error connecting to server: Connection refused (os error 111)");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made_by_an_administrator() {
    let Some(server) = Server::new() else {
        return;
    };
    let url = format!("{}_no", server.database.url());
    let elsewhere = destination(&url);
    let error = elsewhere
        .connect(&elsewhere.dataset_names("ds"))
        .await
        .err()
        .unwrap();
    insta::assert_snapshot!(told(&server.database, &error), @r#"destination.unreachable, Terminal: postgresql://tipple@localhost:[port]/[database]_no cannot be opened: database "[database]_no" does not exist; an administrator makes it with CREATE DATABASE"#);
}

#[tokio::test]
async fn a_statement_timeout_says_how_to_raise_it() {
    let Some(server) = Server::new() else {
        return;
    };
    let limited = destination(&format!(
        "{}?options=-c%20statement_timeout%3D50",
        server.database.url()
    ));
    let mut client = limited.connect(&limited.dataset_names("ds")).await.unwrap();
    let error = client.query("SELECT 1 FROM pg_sleep(5)").await.unwrap_err();
    insta::assert_snapshot!(error, @r#"the query failed: canceling statement due to statement timeout; raise the limit for this user: ALTER ROLE … SET statement_timeout = '1h', or give `options = "-c statement_timeout=0"` in the credentials"#);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_worth_another_try() {
    let Some(server) = Server::new() else {
        return;
    };
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", "n bigint")]),
    );
    let mut client = shop.client().await;
    shop.migrate(client.as_mut()).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tipple' AND datname = current_database()";
    server.database.texts(end).unwrap();
    let plan = shop
        .plan("1.1", vec![job("t", vec![("n", ints([1]))])])
        .unwrap();
    let error = client.commit(&plan).await.unwrap_err();
    assert_eq!(
        (error.code(), error.kind()),
        ("destination.unreachable", ErrorKind::Transient),
        "{error}"
    );
    shop.load("1.1", vec![job("t", vec![("n", ints([1]))])])
        .await
        .unwrap();
    assert_eq!(shop.rows("SELECT n FROM ds.t").await, "1");
}

#[tokio::test]
async fn more_columns_than_a_table_takes_are_refused_before_anything_changes() {
    let Some(server) = Server::new() else {
        return;
    };
    let columns: Vec<String> = (0..1601).map(|i| format!("c{i} bigint")).collect();
    let shop = Shop::new(
        &server.postgres,
        schema([table("t", None, "append", &columns.join("\n"))]),
    );
    let error = shop
        .load("1.1", vec![job("t", vec![("c0", ints([1]))])])
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"schema `shop` cannot be loaded into postgres: table `t` would have 1601 columns; the destination takes at most 1600. Nest less deep with `max_table_nesting`, or give the widest objects the hint `data_type: json`");
    let datasets = server
        .database
        .texts("SELECT nspname FROM pg_namespace WHERE nspname = 'ds'");
    assert!(datasets.unwrap().is_empty());
}

#[tokio::test]
async fn certificates_are_held_against_the_demand() {
    let Some(server) = Server::new() else {
        return;
    };
    let Ok(authority) = std::env::var("TIPPLE_TEST_POSTGRES_CA") else {
        eprintln!("skipped: TIPPLE_TEST_POSTGRES_CA is not set");
        return;
    };
    let encrypted = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let by_address = server.database.url().replace("@localhost:", "@127.0.0.1:");
    for (url, query, expected) in [
        (server.database.url(), "sslmode=disable".to_owned(), "false"),
        (server.database.url(), "sslmode=allow".to_owned(), "false"),
        (server.database.url(), "sslmode=prefer".to_owned(), "true"),
        (
            server.database.url(),
            "sslmode=require&channel_binding=require".to_owned(),
            "true",
        ),
        (
            server.database.url(),
            format!("sslmode=verify-full&sslrootcert={authority}"),
            "true",
        ),
        (
            by_address.clone(),
            format!("sslmode=verify-ca&sslrootcert={authority}"),
            "true",
        ),
        (
            by_address.clone(),
            format!("sslmode=verify-full&sslrootcert={authority}"),
            "refused",
        ),
        (
            server.database.url(),
            "sslmode=verify-ca".to_owned(),
            "refused",
        ),
    ] {
        let postgres = destination(&format!("{url}?{query}"));
        let told = match postgres.connect(&postgres.dataset_names("ds")).await {
            Ok(mut client) => {
                let answer = client.query(encrypted).await.unwrap();
                arrow_cast::display::array_value_to_string(answer[0].column(0), 0).unwrap()
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Terminal, "{error}");
                assert!(error.to_string().contains("certificate"), "{error}");
                "refused".to_owned()
            }
        };
        assert_eq!(told, expected, "{query}");
    }
}
