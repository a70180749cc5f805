"""The transformer: tokenizer, encoder, actor model, runtimes, weights."""

import os

# ONNX Runtime's wheels (1.32 for one) report to their maker: a device id and a database in ~/.cache, sent by HTTPS.
# This is read once, when the library is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# The transformers library, which reads an encoder that a site brings, asks no server for anything. Read once, too.
os.environ["HF_HUB_OFFLINE"] = "1"
