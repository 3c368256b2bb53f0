# Redis: TLS, one user of RBAC, never evicting, for a dropped key would be a dropped limit.
#
# `aws_elasticache_user` would keep the password in the state. So the user is made by CloudFormation,
# which reads it out of Secrets Manager itself; a new version of the secret changes the user.

locals {
  user = "uploads"
}

module "password" {
  source = "../secret"

  name           = "${var.name}/redis"
  description    = "The password of the service at Redis"
  key_arn        = var.key_arn
  length         = 64
  secret_version = var.password_version
  recovery_days  = var.recovery_days
}

resource "aws_cloudformation_stack" "users" {
  #checkov:skip=CKV_AWS_124:two users and their group, made once; the alarms are the cache's
  name = "${var.name}-redis-users"

  template_body = jsonencode({
    Resources = {
      # Every group needs a user of this name; this one is off, and may do nothing.
      Nobody = {
        Type = "AWS::ElastiCache::User"
        Properties = {
          Engine             = "redis"
          UserId             = "${var.name}-nobody"
          UserName           = "default"
          AccessString       = "off -@all"
          NoPasswordRequired = true
        }
      }
      Service = {
        Type = "AWS::ElastiCache::User"
        Properties = {
          Engine       = "redis"
          UserId       = "${var.name}-service"
          UserName     = local.user
          AccessString = "on ~* &* +@all -@admin -@dangerous +info"
          Passwords    = ["{{resolve:secretsmanager:${module.password.arn}:SecretString:::${module.password.version_id}}}"]
        }
      }
      Group = {
        Type = "AWS::ElastiCache::UserGroup"
        Properties = {
          Engine      = "redis"
          UserGroupId = var.name
          UserIds     = [{ Ref = "Nobody" }, { Ref = "Service" }]
        }
      }
    }
    Outputs = { Group = { Value = { Ref = "Group" } } }
  })
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name   = "${var.name}-redis7"
  family = "redis7"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:users and passwords are RBAC's, by the user group; a token would be in the state
  #checkov:skip=CKV2_AWS_50:on with two nodes or more, which is the default
  replication_group_id = var.name
  description          = "Hints, limits and streams of ${var.name}"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.node_type
  num_cache_clusters   = var.nodes
  parameter_group_name = aws_elasticache_parameter_group.this.name
  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [var.group_id]
  user_group_ids       = [aws_cloudformation_stack.users.outputs["Group"]]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn

  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = 1
}
