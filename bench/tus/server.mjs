// @tus/server as its documentation shows it, over the S3 server that the environment names.
import { S3Store } from "@tus/s3-store";
import { Server } from "@tus/server";

const datastore = new S3Store({
  partSize: 8 * 1024 * 1024,
  // For providers without tags, as the documentation says.
  useTags: false,
  s3ClientConfig: {
    bucket: process.env.BENCH_S3_BUCKET,
    region: process.env.AWS_REGION,
    endpoint: process.env.BENCH_S3_ENDPOINT,
    forcePathStyle: true,
    // For servers that know no checksums in trailers, as the documentation of the AWS SDK says.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    credentials: {
      accessKeyId: process.env.AWS_ACCESS_KEY_ID,
      secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    },
  },
});

new Server({ path: "/files", datastore }).listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
