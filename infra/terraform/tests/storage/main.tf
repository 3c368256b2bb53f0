# Keys, roles and buckets as the root makes them, on a simulator on loopback: nothing else of AWS is
# needed for them. Applied by tests/test_storage.py.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "endpoint" {
  description = "The simulator."
  type        = string
}

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "simulator"
  secret_key                  = "simulator"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    iam            = var.endpoint
    kms            = var.endpoint
    s3             = var.endpoint
    secretsmanager = var.endpoint
    sts            = var.endpoint
  }
}

locals {
  name       = "uploads-test"
  prefix     = "uploads-test-123456789012-"
  partition  = "aws"
  region     = "eu-central-1"
  account_id = "123456789012"
}

module "keys" {
  source = "../../modules/keys"

  name                = local.name
  partition           = local.partition
  region              = local.region
  account_id          = local.account_id
  secret_key_versions = { a = 1, b = 1 }
  recovery_days       = 7
}

module "identity" {
  source = "../../modules/identity"

  name          = local.name
  partition     = local.partition
  region        = local.region
  account_id    = local.account_id
  bucket_prefix = local.prefix
  files_key_arn = module.keys.arns["files"]
  parts_key_arn = module.keys.arns["parts"]
}

module "buckets" {
  source = "../../modules/buckets"

  name            = local.name
  prefix          = local.prefix
  partition       = local.partition
  region          = local.region
  account_id      = local.account_id
  files_key_arn   = module.keys.arns["files"]
  audit_key_arn   = module.keys.arns["audit"]
  readers         = module.identity.readers
  writers         = module.identity.writers
  s3_endpoint_id  = "vpce-0123456789abcdef0"
  page_origin     = "https://uploads.example.org"
  quarantine_days = 30
}

output "roles" {
  description = "The role of each process."
  value       = module.identity.task_role_arns
}

output "role_policies" {
  description = "What each role may do."
  value       = module.identity.task_policies
}

output "bucket_policies" {
  description = "What no role can overrule."
  value       = module.buckets.policies
}

output "buckets" {
  description = "Name of each bucket."
  value       = module.buckets.names
}

output "endpoint_id" {
  description = "The way through which our own network reaches the store."
  value       = "vpce-0123456789abcdef0"
}

output "files_key" {
  description = "The key that encrypts objects."
  value       = module.keys.arns["files"]
}
