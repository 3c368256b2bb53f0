"""The view that one writes first: Werkzeug parses and spools the form, boto3 sends the file."""

from __future__ import annotations

import os
import uuid

import boto3
from flask import Flask, request

app = Flask(__name__)
_s3 = boto3.client("s3", endpoint_url=os.environ["BENCH_S3_ENDPOINT"])


@app.post("/upload")
def upload() -> tuple[dict[str, str], int]:
    file = request.files["file"]
    key = f"naive-{uuid.uuid4().hex}"
    _s3.upload_fileobj(file.stream, os.environ["BENCH_S3_BUCKET"], key)
    return {"id": key}, 201
