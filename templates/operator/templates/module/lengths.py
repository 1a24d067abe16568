    def sketch(self, storage: Storage, **bindings: Any) -> pd.DataFrame:
        """Return the length of each text, null for null."""
        texts = storage.read([bindings["input_text"]])[bindings["input_text"]]
        return pd.DataFrame({"length": texts.str.len().astype("Int64")}, index=texts.index)
