# What no role can overrule: every statement denies, but the two that let AWS write its own logs.
# Roles allow (module identity); these hold even for a role that allows too much.

locals {
  tls = {
    for bucket, arn in local.arns : bucket => [
      {
        Sid       = "DenyPlain"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  }

  # Objects are encrypted by the bucket's default; whoever names anything else is refused.
  encrypted = {
    for bucket, key in merge({ for file in local.files : file => var.files_key_arn }, { audit = var.audit_key_arn }) :
    bucket => [
      {
        Sid       = "DenyOtherEncryption"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = ["${local.arns[bucket]}/*"]
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
        }
      },
      {
        Sid       = "DenyOtherKey"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = ["${local.arns[bucket]}/*"]
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = key }
        }
      },
    ]
  }

  # A signed URL lives for 15 minutes at most, whatever was written into it, and is of version 4.
  signed = {
    for bucket in local.files : bucket => [
      {
        Sid       = "DenyOldSignature"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
        Resource  = [local.arns[bucket], "${local.arns[bucket]}/*"]
        Condition = { NumericGreaterThan = { "s3:signatureAge" = "900000" } }
      },
      {
        Sid       = "DenyOtherSignature"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
        Resource  = [local.arns[bucket], "${local.arns[bucket]}/*"]
        Condition = { StringNotEquals = { "s3:signatureversion" = "AWS4-HMAC-SHA256" } }
      },
    ]
  }

  # Who may at all: deny unless it is the role of a process that does just this.
  unless = {
    for bucket in local.files : bucket => [
      {
        Sid       = "DenyReadUnless"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"]
        Resource  = [local.arns[bucket], "${local.arns[bucket]}/*"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.readers[bucket] } }
      },
      {
        Sid       = "DenyWriteUnless"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject", "s3:DeleteObject"]
        Resource  = ["${local.arns[bucket]}/*"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = var.writers[bucket] } }
      },
      {
        Sid       = "DenyNobodyNeeds"
        Effect    = "Deny"
        Principal = "*"
        Action = [
          "s3:AbortMultipartUpload", "s3:BypassGovernanceRetention", "s3:DeleteObjectTagging",
          "s3:DeleteObjectVersion", "s3:DeleteObjectVersionTagging", "s3:GetObjectAcl",
          "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:ObjectOwnerOverrideToBucketOwner",
          "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectVersionAcl", "s3:PutObjectVersionTagging",
          "s3:ReplicateDelete", "s3:ReplicateObject", "s3:RestoreObject",
        ]
        Resource = [local.arns[bucket], "${local.arns[bucket]}/*"]
      },
    ]
  }

  # What signed URLs are for comes from anywhere: PUT into incoming, GET from clean. All else comes
  # through the endpoint of our own network, or not at all.
  inside = {
    incoming   = ["s3:GetObject", "s3:DeleteObject", "s3:ListBucket"]
    quarantine = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
    clean      = ["s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
  }
  outside = {
    for bucket, actions in local.inside : bucket => [{
      Sid       = "DenyFromOutside"
      Effect    = "Deny"
      Principal = "*"
      Action    = actions
      Resource  = [local.arns[bucket], "${local.arns[bucket]}/*"]
      Condition = { StringNotEquals = { "aws:SourceVpce" = var.s3_endpoint_id } }
    }]
  }

  trail = {
    source = "arn:${var.partition}:cloudtrail:${var.region}:${var.account_id}:trail/${var.name}"
  }
  audit = [
    {
      Sid       = "TrailAsks"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:GetBucketAcl"
      Resource  = [local.arns.audit]
      Condition = { StringEquals = { "aws:SourceArn" = local.trail.source } }
    },
    {
      Sid       = "TrailWrites"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = ["${local.arns.audit}/AWSLogs/${var.account_id}/*"]
      Condition = { StringEquals = { "aws:SourceArn" = local.trail.source } }
    },
    {
      Sid       = "DenyUnlock"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:PutObjectLegalHold"]
      Resource  = ["${local.arns.audit}/*"]
    },
  ]

  logs = [{
    Sid       = "BalancersWrite"
    Effect    = "Allow"
    Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = ["${local.arns.logs}/*/AWSLogs/${var.account_id}/*"]
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }]

  statements = merge(
    {
      for bucket in local.files : bucket => concat(
        local.tls[bucket], local.encrypted[bucket], local.signed[bucket], local.unless[bucket], local.outside[bucket],
      )
    },
    {
      audit = concat(local.tls.audit, local.encrypted.audit, local.audit)
      logs  = concat(local.tls.logs, local.logs)
    },
  )
}
