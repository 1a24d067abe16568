"""Sample data that ships with the library: a small imitation of a web crawl."""
