# The three buckets of the service, the bucket of the trail, and the bucket of access logs.

locals {
  files = ["incoming", "quarantine", "clean"]
  names = merge(
    { for bucket in local.files : bucket => "${var.prefix}${bucket}" },
    { audit = "${var.prefix}audit", logs = "${var.prefix}logs" },
  )
  arns = { for bucket, name in local.names : bucket => "arn:${var.partition}:s3:::${name}" }

  # Kept after the service deleted it, so that a mistake or a stolen role destroys nothing at once.
  noncurrent_days = { incoming = 1, quarantine = 1, clean = var.noncurrent_days, audit = 1, logs = 1 }
  # Behind the service's own deletion, for what it was never told of. What is in `clean` stays.
  expire_days = {
    incoming   = var.incoming_days
    quarantine = var.quarantine_days + 30
    audit      = var.audit_days + 1
    logs       = var.log_days
  }
}

resource "aws_s3_bucket" "this" {
  for_each = local.names

  #checkov:skip=CKV_AWS_144:one region; the README says what a second one takes
  #checkov:skip=CKV2_AWS_62:nothing waits for events of the store, the database knows what happened
  #checkov:skip=CKV_AWS_18:who touched an object is told by the trail; access logs of logs would never end
  #checkov:skip=CKV_AWS_145:a load balancer writes its logs to buckets under the store's own key alone
  bucket              = each.value
  object_lock_enabled = each.key == "audit"
  force_destroy       = var.force_destroy && each.key != "audit"
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.names

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = each.key != "logs"
    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : each.key == "audit" ? var.audit_key_arn : var.files_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "noncurrent"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = local.noncurrent_days[each.key]
    }
  }

  dynamic "rule" {
    for_each = contains(keys(local.expire_days), each.key) ? [local.expire_days[each.key]] : []

    content {
      id     = "expire"
      status = "Enabled"
      filter {}
      expiration {
        days = rule.value
      }
    }
  }

  # Its versions are what noncurrent and expired rules work on.
  depends_on = [aws_s3_bucket_versioning.this]
}

# Browsers put signed parts into `incoming`, from the page and the listed origins, and get signed
# downloads from `clean`, from the page alone: who is led there from another origin arrives as nobody.
resource "aws_s3_bucket_cors_configuration" "this" {
  for_each = {
    incoming = { methods = ["PUT"], origins = concat([var.page_origin], var.cors_origins) }
    clean    = { methods = ["GET", "HEAD"], origins = [var.page_origin] }
  }

  bucket = aws_s3_bucket.this[each.key].id
  cors_rule {
    allowed_origins = each.value.origins
    allowed_methods = each.value.methods
    allowed_headers = ["content-type", "range", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"]
    expose_headers  = ["ETag", "Content-Range"]
    max_age_seconds = 600
  }
}

resource "aws_s3_bucket_object_lock_configuration" "audit" {
  bucket = aws_s3_bucket.this["audit"].id
  rule {
    default_retention {
      mode = var.audit_lock
      days = var.audit_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })

  # A policy set while the block is still being made is refused now and then.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
