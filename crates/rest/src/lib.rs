//! The declarative REST source: client, paginators, authentication, retries and the graph of resources.
