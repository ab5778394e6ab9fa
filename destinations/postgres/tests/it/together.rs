//! Several sessions in one dataset at the same time.

use tipple_destination::{DestinationError, LoadJob};

use crate::server::Server;
use crate::support::{Shop, ints, job, schema, table};

/// Sessions at a time.
const SESSIONS: i64 = 8;

fn rows(table: &str, number: i64) -> Vec<LoadJob> {
    vec![job(table, vec![("n", ints([number]))])]
}

/// Loads again while another session was quicker with the same tables, as the pipeline does.
async fn load(shop: &Shop<'_>, load_id: &str, jobs: Vec<LoadJob>) {
    for _ in 0..5 {
        match shop.load(load_id, jobs.clone()).await {
            Ok(_) => return,
            Err(DestinationError::Changed { .. }) => {}
            Err(error) => panic!("{load_id}: {error}"),
        }
    }
    panic!("{load_id}: the tables never came to rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_make_the_same_dataset_do_not_disturb_each_other() {
    let Some(server) = Server::new() else {
        return;
    };
    let one = |number: i64| {
        let postgres = &server.postgres;
        async move {
            let own = format!("t{number}");
            let tables = [
                table(&own, None, "append", "n bigint"),
                table("shared", None, "append", "n bigint"),
            ];
            let mut shop = Shop::new(postgres, schema(tables));
            shop.hash = own.clone();
            for round in 0..3 {
                let mut jobs = rows(&own, number);
                jobs.extend(rows("shared", number));
                load(&shop, &format!("{number}.{round}"), jobs).await;
            }
        }
    };
    futures_util::future::join_all((0..SESSIONS).map(one)).await;
    let shop = Shop::new(&server.postgres, schema([]));
    assert_eq!(
        shop.rows("SELECT count(*), sum(n)::bigint FROM ds.shared")
            .await,
        "24 | 84"
    );
    assert_eq!(shop.rows("SELECT count(*) FROM ds._dlt_loads").await, "24");
    assert_eq!(shop.rows("SELECT count(*) FROM ds.t7").await, "3");
}
