//! Values bound to the placeholders of planned statements.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tipple_destination::{Param, iso_utc};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Microseconds from 1970-01-01 to 2000-01-01, where Postgres begins to count.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A planned value in the form of the type that the server wants.
#[derive(Debug)]
pub(crate) struct Bound<'a>(pub &'a Param);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Param::Null => return Ok(IsNull::Yes),
            Param::Int(value) => match *kind {
                Type::INT2 => out.put_i16(i16::try_from(*value)?),
                Type::INT4 => out.put_i32(i32::try_from(*value)?),
                Type::INT8 => out.put_i64(*value),
                _ => out.put_slice(value.to_string().as_bytes()),
            },
            Param::Text(text) => out.put_slice(text.replace('\0', "").as_bytes()),
            Param::Timestamp(micros) => match *kind {
                Type::TIMESTAMP | Type::TIMESTAMPTZ => {
                    out.put_i64(micros.saturating_sub(EPOCH_MICROS))
                }
                _ => out.put_slice(iso_utc(*micros).as_bytes()),
            },
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
