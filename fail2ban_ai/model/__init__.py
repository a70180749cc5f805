"""The transformer: tokenizer, encoder, actor model, runtimes, weights."""
