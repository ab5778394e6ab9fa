//! Mock servers of Pixlee, api.video and a generic API, on 127.0.0.1 only.
