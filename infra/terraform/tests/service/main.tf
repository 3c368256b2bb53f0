# The service's tasks over parts with given names, so that a plan shows every word of them.

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
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    ecs = var.endpoint
    sts = var.endpoint
  }
}

locals {
  processes = ["web", "worker", "courier", "schedule", "clamd", "bootstrap"]
  secret    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret"
}

# Before the start and after it, in one plan: each plan costs the provider's whole start.
module "service" {
  for_each = { running = true, stopped = false }
  source   = "../../modules/service"

  name                           = "uploads-test"
  partition                      = "aws"
  region                         = "eu-central-1"
  vpc_id                         = "vpc-1"
  subnet_ids                     = ["subnet-1", "subnet-2"]
  group_ids                      = { for process in concat(local.processes, ["machine"]) : process => "sg-1" }
  task_role_arns                 = { for process in local.processes : process => "arn:aws:iam::123456789012:role/${process}" }
  start_role_arns                = { for process in local.processes : process => "arn:aws:iam::123456789012:role/${process}-start" }
  target_group_arns              = ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/app/1"]
  request_label                  = "app/uploads/1/targetgroup/uploads/1"
  requests_per_target            = 1500
  parts_key_arn                  = "arn:aws:kms:eu-central-1:123456789012:key/parts"
  public_url                     = "https://uploads.example.org"
  content_url                    = "https://uploads-content.example.net"
  internal_net                   = "10.40.0.0/16"
  database_url                   = "postgresql+psycopg://database:5432/uploads?password_secret=${local.secret}:database"
  database_ca                    = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  redis_address                  = "redis:6379"
  redis_user                     = "uploads"
  redis_secret_arn               = "${local.secret}:redis"
  secret_key_arn                 = "${local.secret}:a"
  secret_key_old_arn             = "${local.secret}:b"
  first_administrator            = "ann@example.org"
  first_administrator_secret_arn = "${local.secret}:first"
  bucket_prefix                  = "uploads-test-123456789012-"
  quarantine_days                = 30
  webhook_ports                  = [443, 8443]
  signature_mirror               = "database.clamav.net"
  user                           = "10001:10001"
  clamav_user                    = "10002:10002"
  images                         = { web = "web:1", worker = "worker:1", clamav = "clamav:1" }
  launch                         = "FARGATE"
  machine                        = { type = "m7i.large", disk_gib = 100, most = 1 }
  sizes                          = { for process in local.processes : process => { cpu = 2048, memory = 8192, scratch_gib = 30 } }
  counts = {
    for process in ["web", "worker", "courier", "schedule", "clamd"] :
    process => { least = 1, most = contains(["web", "worker"], process) ? 4 : 1 }
  }
  start    = each.value
  settings = { UPLOADS_MAX_FILE_BYTES = "104857600" }
}

output "definitions" {
  description = "The containers of each task."
  value       = module.service["running"].definitions
}
