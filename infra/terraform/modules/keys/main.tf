# The keys that encrypt, and the secrets that sign. No secret's value is ever in the state.

locals {
  root   = "arn:${var.partition}:iam::${var.account_id}:root"
  region = "${var.region}.amazonaws.com"

  # The account's administrators manage every key; who may use one is said in the roles, beside the
  # services named here, each bound to this account.
  administration = {
    Sid       = "AccountManages"
    Effect    = "Allow"
    Principal = { AWS = local.root }
    Action    = "kms:*"
    Resource  = "*"
  }
  logs = {
    Sid       = "LogGroups"
    Effect    = "Allow"
    Principal = { Service = "logs.${local.region}" }
    Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    Resource  = "*"
    Condition = {
      ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${var.partition}:logs:${var.region}:${var.account_id}:*"
      }
    }
  }
  trail = {
    Sid       = "Trail"
    Effect    = "Allow"
    Principal = { Service = "cloudtrail.amazonaws.com" }
    Action    = ["kms:GenerateDataKey*", "kms:DescribeKey"]
    Resource  = "*"
    Condition = {
      StringEquals = {
        "aws:SourceArn" = "arn:${var.partition}:cloudtrail:${var.region}:${var.account_id}:trail/${var.name}"
      }
    }
  }
  alarms = {
    Sid       = "Alarms"
    Effect    = "Allow"
    Principal = { Service = "cloudwatch.amazonaws.com" }
    Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }

  keys = {
    files = { description = "Objects of the buckets incoming, quarantine and clean", more = [] }
    audit = { description = "The trail of who touched which object", more = [local.trail] }
    parts = { description = "Database, cache, secrets, images, logs", more = [local.logs, local.alarms] }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${var.name}: ${each.value.description}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.administration], each.value.more)
  })
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

# Two slots, both live: one signs (UPLOADS_SECRET_KEY), what the other signed is still read
# (UPLOADS_SECRET_KEYS_OLD). To rotate: a new version of the slot that does not sign, then change which
# one signs.
module "secret_key" {
  for_each = var.secret_key_versions
  source   = "../secret"

  name           = "${var.name}/secret-key-${each.key}"
  description    = "Signs tokens and links, seals the secrets of webhooks"
  key_arn        = aws_kms_key.this["parts"].arn
  length         = 64
  secret_version = each.value
  recovery_days  = var.recovery_days
}

# For the first sign-in; its owner changes it then.
module "first_administrator" {
  source = "../secret"

  name           = "${var.name}/first-administrator"
  description    = "The first administrator's password"
  key_arn        = aws_kms_key.this["parts"].arn
  length         = 32
  secret_version = 1
  recovery_days  = var.recovery_days
}
