# The whole service in one account and region. Each module is one concern; what one needs of another
# is handed over here and nowhere else.

locals {
  name          = "uploads-${var.environment}"
  bucket_prefix = "${local.name}-${var.account_id}-"
  zones         = [for letter in var.zones : "${var.region}${letter}"]
  idle_slot     = var.secret_key_signs == "a" ? "b" : "a"

  # ClamAV's version stands in docker-compose.yml and nowhere else.
  clamav = "docker.io/${one(regex("image: &clamav (clamav/clamav:[0-9.]+)\n", file("${path.module}/../../docker-compose.yml")))}"

  tags = { service = "uploads", environment = var.environment, managed-by = "terraform" }
}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = var.cloudfront_prefix_list_id == null ? 1 : 0

  name = "com.amazonaws.global.cloudfront.origin-facing"
}

module "keys" {
  source = "./modules/keys"

  name                = local.name
  partition           = var.partition
  region              = var.region
  account_id          = var.account_id
  secret_key_versions = var.secret_key_versions
  recovery_days       = var.recovery_days
}

module "network" {
  source = "./modules/network"

  name                      = local.name
  partition                 = var.partition
  region                    = var.region
  cidr                      = var.cidr
  zones                     = local.zones
  nat_per_zone              = var.nat_per_zone
  bucket_prefix             = local.bucket_prefix
  webhook_ports             = var.webhook_ports
  cloudfront_prefix_list_id = coalesce(var.cloudfront_prefix_list_id, one(data.aws_ec2_managed_prefix_list.cloudfront[*].id))
  key_arn                   = module.keys.arns["parts"]
}

module "registry" {
  source = "./modules/registry"

  name    = local.name
  key_arn = module.keys.arns["parts"]
}

module "database" {
  source = "./modules/database"

  name                = local.name
  partition           = var.partition
  subnet_ids          = module.network.data_subnet_ids
  group_id            = module.network.group_ids["database"]
  key_arn             = module.keys.arns["parts"]
  instance_class      = var.database.instance_class
  multi_az            = var.database.multi_az
  storage_gib         = var.database.storage_gib
  backup_days         = var.database.backup_days
  deletion_protection = var.deletion_protection
}

module "cache" {
  source = "./modules/cache"

  name             = local.name
  subnet_ids       = module.network.data_subnet_ids
  group_id         = module.network.group_ids["cache"]
  key_arn          = module.keys.arns["parts"]
  node_type        = var.cache.node_type
  nodes            = var.cache.nodes
  password_version = var.redis_password_version
  recovery_days    = var.recovery_days
}

locals {
  database_secret = module.database.secret_arn
  start_secrets   = [module.cache.secret_arn, module.keys.secret_keys["a"], module.keys.secret_keys["b"]]
}

module "identity" {
  source = "./modules/identity"

  name                 = local.name
  partition            = var.partition
  region               = var.region
  account_id           = var.account_id
  bucket_prefix        = local.bucket_prefix
  files_key_arn        = module.keys.arns["files"]
  parts_key_arn        = module.keys.arns["parts"]
  repository_arns      = concat(module.registry.arns, var.repository_arns)
  permissions_boundary = var.permissions_boundary
  start_secret_arns = {
    web       = local.start_secrets
    worker    = local.start_secrets
    courier   = local.start_secrets
    schedule  = [module.cache.secret_arn]
    bootstrap = concat(local.start_secrets, [module.keys.first_administrator])
  }
  # RDS changes the database's password while they run.
  own_secret_arns = { for process in ["web", "worker", "courier", "schedule", "bootstrap"] : process => [local.database_secret] }
}

module "buckets" {
  source = "./modules/buckets"

  name            = local.name
  prefix          = local.bucket_prefix
  partition       = var.partition
  region          = var.region
  account_id      = var.account_id
  files_key_arn   = module.keys.arns["files"]
  audit_key_arn   = module.keys.arns["audit"]
  readers         = module.identity.readers
  writers         = module.identity.writers
  s3_endpoint_id  = module.network.s3_endpoint_id
  page_origin     = "https://${var.app_host}"
  cors_origins    = compact([for origin in split(",", lookup(var.settings, "UPLOADS_CORS_ORIGINS", "")) : replace(lower(trimspace(origin)), "/^(https://.*):443$|^(http://.*):80$/", "$1$2")])
  quarantine_days = var.quarantine_days
  audit_days      = var.audit.days
  audit_lock      = var.audit.lock
  force_destroy   = !var.deletion_protection
}

module "firewall_app" {
  source = "./modules/firewall"

  name                 = "${local.name}-app"
  scope                = "REGIONAL"
  requests_per_address = var.requests_per_address
}

module "firewall_content" {
  source    = "./modules/firewall"
  providers = { aws = aws.us_east_1 }

  name                 = "${local.name}-content"
  scope                = "CLOUDFRONT"
  requests_per_address = var.requests_per_address
}

module "edge" {
  source = "./modules/edge"

  name                        = local.name
  vpc_id                      = module.network.vpc_id
  public_subnet_ids           = module.network.public_subnet_ids
  private_subnet_ids          = module.network.private_subnet_ids
  group_ids                   = module.network.group_ids
  app_host                    = var.app_host
  content_host                = var.content_host
  app_zone_id                 = var.app_zone_id
  content_zone_id             = var.content_zone_id
  certificate_arn             = var.certificate_arn
  content_certificate_arn     = var.content_certificate_arn
  content_cdn_certificate_arn = var.content_cdn_certificate_arn
  logs_bucket                 = module.buckets.names["logs"]
  firewall_arns               = { app = module.firewall_app.arn, content = module.firewall_content.arn }
  deletion_protection         = var.deletion_protection
}

module "service" {
  source = "./modules/service"

  name                           = local.name
  partition                      = var.partition
  region                         = var.region
  vpc_id                         = module.network.vpc_id
  subnet_ids                     = module.network.private_subnet_ids
  group_ids                      = module.network.group_ids
  task_role_arns                 = module.identity.task_role_arns
  start_role_arns                = module.identity.start_role_arns
  target_group_arns              = module.edge.target_group_arns
  request_label                  = module.edge.request_label
  requests_per_target            = var.requests_per_target
  parts_key_arn                  = module.keys.arns["parts"]
  public_url                     = "https://${var.app_host}"
  content_url                    = "https://${var.content_host}"
  internal_net                   = var.cidr
  database_url                   = module.database.url
  database_ca                    = var.database_ca
  redis_address                  = module.cache.address
  redis_user                     = module.cache.user
  redis_secret_arn               = module.cache.secret_arn
  secret_key_arn                 = module.keys.secret_keys[var.secret_key_signs]
  secret_key_old_arn             = module.keys.secret_keys[local.idle_slot]
  first_administrator            = var.first_administrator
  first_administrator_secret_arn = module.keys.first_administrator
  bucket_prefix                  = local.bucket_prefix
  quarantine_days                = var.quarantine_days
  webhook_ports                  = var.webhook_ports
  signature_mirror               = var.signature_mirror
  user                           = var.user
  clamav_user                    = var.clamav_user
  images                         = merge(var.images, { clamav = coalesce(var.images.clamav, local.clamav) })
  launch                         = var.launch
  machine                        = var.machine
  sizes                          = var.sizes
  counts                         = var.counts
  settings                       = var.settings
  start                          = var.start
}

module "observability" {
  source = "./modules/observability"

  name             = local.name
  region           = var.region
  parts_key_arn    = module.keys.arns["parts"]
  audit_key_arn    = module.keys.arns["audit"]
  audit_bucket     = module.buckets.names["audit"]
  file_bucket_arns = [for bucket in ["incoming", "quarantine", "clean"] : module.buckets.arns[bucket]]
  cluster          = module.service.cluster
  services         = var.start ? keys(var.counts) : []
  waited           = module.service.waited
  database         = module.database.identifier
  cache_members    = module.cache.members
  balancers        = module.edge.balancers
  alarm_address    = var.alarm_address

  # The trail asks at once whether it may write.
  depends_on = [module.buckets]
}
