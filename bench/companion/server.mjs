// @uppy/companion in an Express app as its documentation shows it, granting forms for the S3 bucket that
// the environment names. It keeps nothing of what it grants.
import { randomUUID } from "node:crypto";
import * as companion from "@uppy/companion";
import bodyParser from "body-parser";
import express from "express";
import session from "express-session";

const app = express();
app.use(bodyParser.json());
app.use(session({ secret: process.env.COMPANION_SECRET, resave: true, saveUninitialized: true }));

const { app: companionApp } = companion.app({
  server: { host: `127.0.0.1:${process.env.PORT}`, protocol: "http" },
  filePath: process.env.TMPDIR,
  secret: process.env.COMPANION_SECRET,
  corsOrigins: true,
  uploadUrls: [process.env.BENCH_S3_ENDPOINT],
  s3: {
    key: process.env.AWS_ACCESS_KEY_ID,
    secret: process.env.AWS_SECRET_ACCESS_KEY,
    bucket: process.env.BENCH_S3_BUCKET,
    region: process.env.AWS_REGION,
    endpoint: process.env.BENCH_S3_ENDPOINT,
    forcePathStyle: true,
    expires: 900,
    getKey: ({ filename }) => `${randomUUID()}-${filename}`,
  },
});
app.use(companionApp);
app.listen(Number(process.env.PORT), "127.0.0.1");
