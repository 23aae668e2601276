//! The scripts of this room against a real redis-server.
