# Modules by themselves, with AWS mocked: nothing public, everything encrypted, roles exact. Terraform
# cannot mock the values that are never stored; what has some is planned in tests/test_root.py.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/mocked" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
  }
}

variables {
  name       = "uploads-test"
  partition  = "aws"
  region     = "eu-central-1"
  account_id = "123456789012"
  key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/parts"
}

run "network" {
  module {
    source = "./modules/network"
  }
  variables {
    cidr                      = "10.40.0.0/16"
    zones                     = ["eu-central-1a", "eu-central-1b"]
    nat_per_zone              = true
    bucket_prefix             = "uploads-test-"
    cloudfront_prefix_list_id = "pl-1"
  }
  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private), values(aws_subnet.data)) : subnet.map_public_ip_on_launch != true])
    error_message = "No machine gets a public address by itself."
  }
  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.world : contains([80, 443], rule.from_port) && rule.from_port == rule.to_port
    ]) && length(aws_vpc_security_group_ingress_rule.world) == 2
    error_message = "The world reaches two ports of one group."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.way : rule.cidr_ipv4 == null && rule.from_port == rule.to_port])
    error_message = "Inside, groups are let in and never addresses, to one port each."
  }
  assert {
    condition     = toset([for way in output.ways : way.to if way.from == "edge" || way.from == "content"]) == toset(["web"])
    error_message = "The load balancers reach the web processes alone."
  }
  assert {
    condition     = toset([for way in output.ways : way.from if way.to == "clamd"]) == toset(["web", "worker"])
    error_message = "clamd trusts whoever reaches it: the web, which asks whether it is there, and the workers."
  }
  assert {
    condition     = length([for way in output.ways : way if contains(["worker", "courier", "schedule", "bootstrap", "edge", "content"], way.to)]) == 0
    error_message = "Nobody inside opens a connection to these."
  }
  assert {
    condition     = length(aws_route_table.data.route) == 0 || aws_route_table.data.route == null
    error_message = "What holds data has no way out."
  }
  assert {
    condition     = aws_default_security_group.this.vpc_id == aws_vpc.this.id
    error_message = "The default group is ours, and empty."
  }
}

run "one_zone_is_refused" {
  command = plan
  module {
    source = "./modules/network"
  }
  variables {
    cidr                      = "10.40.0.0/8"
    zones                     = ["eu-central-1a"]
    nat_per_zone              = true
    bucket_prefix             = "uploads-test-"
    cloudfront_prefix_list_id = "pl-1"
  }
  expect_failures = [var.cidr, var.zones]
}

run "database" {
  module {
    source = "./modules/database"
  }
  variables {
    subnet_ids          = ["subnet-1", "subnet-2"]
    group_id            = "sg-1"
    instance_class      = "db.m7g.large"
    multi_az            = true
    storage_gib         = 50
    backup_days         = 14
    deletion_protection = true
  }
  override_resource {
    target = aws_db_instance.this
    values = { endpoint = "db.internal:5432", master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds" }] }
  }
  assert {
    condition = (
      aws_db_instance.this.publicly_accessible == false && aws_db_instance.this.storage_encrypted
      && aws_db_instance.this.kms_key_id == var.key_arn && aws_db_instance.this.multi_az
      && aws_db_instance.this.deletion_protection && aws_db_instance.this.manage_master_user_password
    )
    error_message = "Private, encrypted, standing by, protected, with a password that Terraform never sees."
  }
  assert {
    condition     = contains([for one in aws_db_parameter_group.this.parameter : "${one.name}=${one.value}"], "rds.force_ssl=1")
    error_message = "Nobody comes without TLS."
  }
  assert {
    condition     = output.url == "postgresql+psycopg://db.internal:5432/uploads?password_secret=arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds"
    error_message = "The address has neither user nor password, but says where they are."
  }
}

run "a_database_without_backups_is_refused" {
  command = plan
  module {
    source = "./modules/database"
  }
  variables {
    subnet_ids          = ["subnet-1", "subnet-2"]
    group_id            = "sg-1"
    instance_class      = "db.m7g.large"
    multi_az            = true
    storage_gib         = 5
    backup_days         = 0
    deletion_protection = true
  }
  expect_failures = [var.backup_days, var.storage_gib]
}

run "identity" {
  module {
    source = "./modules/identity"
  }
  variables {
    bucket_prefix     = "uploads-test-"
    files_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/files"
    parts_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/parts"
    repository_arns   = ["arn:aws:ecr:eu-central-1:123456789012:repository/uploads/web"]
    start_secret_arns = { web = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:one"], schedule = [] }
    own_secret_arns   = { web = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds"], courier = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds"] }
  }
  assert {
    condition = alltrue(flatten([
      for text in concat(values(output.task_policies), values(output.start_policies)) : [
        for statement in jsondecode(text).Statement : [
          for action in statement.Action : !strcontains(action, "*") && (action == "ecr:GetAuthorizationToken" || !contains(statement.Resource, "*"))
        ]
      ]
    ]))
    error_message = "No action and no resource is everything; the one token of ECR has no resource."
  }
  assert {
    condition     = toset([for process, text in output.task_policies : process if strcontains(text, "s3:")]) == toset(["web", "worker"])
    error_message = "Only web and worker have rights over files."
  }
  assert {
    condition     = toset([for process, text in output.task_policies : process if strcontains(text, "secret:rds")]) == toset(["web", "courier"])
    error_message = "Each reads the secrets that were given to it while it runs."
  }
  assert {
    condition     = !strcontains(output.start_policies["web"], "secret:rds") && !strcontains(output.task_policies["web"], "secret:one")
    error_message = "What a process is started with and what it reads by itself are two lists."
  }
  assert {
    condition     = length(regexall("secretsmanager", output.start_policies["schedule"])) == 0 && length(regexall("secret:one", output.start_policies["web"])) == 1
    error_message = "Each is started with its own secrets."
  }
}

run "firewall" {
  module {
    source = "./modules/firewall"
  }
  variables {
    scope                = "REGIONAL"
    requests_per_address = 20000
  }
  assert {
    condition = toset(flatten([
      for rule in aws_wafv2_web_acl.this.rule : [for statement in rule.statement : [for group in statement.managed_rule_group_statement : group.name]]
    ])) == toset(["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"])
    error_message = "AWS's rules for addresses, known bad inputs and common attacks."
  }
  assert {
    condition = alltrue(flatten([
      for rule in aws_wafv2_web_acl.this.rule : [
        for statement in rule.statement : [
          for group in statement.managed_rule_group_statement : [
            for change in group.rule_action_override : endswith(change.name, "_BODY") && length(change.action_to_use[0].count) == 1
          ]
        ]
      ]
    ]))
    error_message = "Of those rules only what looks into bodies is taken back, and still counted."
  }
  assert {
    condition = [
      for rule in aws_wafv2_web_acl.this.rule : length(rule.action[0].block) == 1 && rule.statement[0].rate_based_statement[0].limit == 20000
      if rule.name == "rate"
    ] == [true]
    error_message = "Who asks too often is blocked, not counted."
  }
}

run "a_firewall_for_nothing_is_refused" {
  command = plan
  module {
    source = "./modules/firewall"
  }
  variables {
    scope                = "GLOBAL"
    requests_per_address = 10
  }
  expect_failures = [var.scope, var.requests_per_address]
}

run "a_host_outside_of_its_zone_is_refused" {
  command = plan
  module {
    source = "./modules/edge"
  }
  variables {
    vpc_id                      = "vpc-1"
    public_subnet_ids           = ["subnet-1", "subnet-2"]
    private_subnet_ids          = ["subnet-3", "subnet-4"]
    group_ids                   = { edge = "sg-1", content = "sg-2" }
    app_host                    = "uploads.example.org"
    content_host                = "content.other-example.org"
    app_zone_id                 = "Z1"
    content_zone_id             = "Z2"
    certificate_arn             = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    content_certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/2"
    content_cdn_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/3"
    logs_bucket                 = "logs"
    firewall_arns               = { app = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1", content = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/c/1" }
    deletion_protection         = true
  }
  # Its end is the zone's name, and yet it is not inside.
  override_data {
    target = data.aws_route53_zone.of
    values = { name = "example.org.", private_zone = false }
  }
  expect_failures = [data.aws_route53_zone.of]
}

run "what_is_no_name_of_a_host_is_refused" {
  command = plan
  module {
    source = "./modules/edge"
  }
  variables {
    vpc_id                      = "vpc-1"
    public_subnet_ids           = ["subnet-1", "subnet-2"]
    private_subnet_ids          = ["subnet-3", "subnet-4"]
    group_ids                   = { edge = "sg-1", content = "sg-2" }
    app_host                    = "https://uploads.example.org"
    content_host                = "Content.example.net:443"
    app_zone_id                 = "Z1"
    content_zone_id             = "Z2"
    certificate_arn             = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    content_certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/2"
    content_cdn_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/3"
    logs_bucket                 = "logs"
    firewall_arns               = { app = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1", content = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/c/1" }
    deletion_protection         = true
  }
  expect_failures = [var.app_host, var.content_host]
}

run "buckets_with_nobody_to_read_are_refused" {
  command = plan
  module {
    source = "./modules/buckets"
  }
  variables {
    prefix          = "uploads-test-"
    files_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/files"
    audit_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/audit"
    readers         = { incoming = [], quarantine = ["a"], clean = ["a"] }
    writers         = { incoming = ["a"], quarantine = ["a"] }
    s3_endpoint_id  = "vpce-1"
    page_origin     = "http://uploads.example.org/page"
    cors_origins    = ["https://tools.example.org/page"]
    quarantine_days = 30
    incoming_days   = 1
    noncurrent_days = 0
    audit_lock      = "NONE"
    audit_days      = 0
  }
  expect_failures = [
    var.readers, var.writers, var.page_origin, var.cors_origins, var.incoming_days, var.noncurrent_days, var.audit_lock, var.audit_days,
  ]
}

run "listed_pages_may_put_and_nothing_else" {
  command = plan
  module {
    source = "./modules/buckets"
  }
  variables {
    prefix          = "uploads-test-"
    files_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/files"
    audit_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/audit"
    readers         = { incoming = ["a"], quarantine = ["a"], clean = ["a"] }
    writers         = { incoming = ["a"], quarantine = ["a"], clean = ["a"] }
    s3_endpoint_id  = "vpce-1"
    page_origin     = "https://uploads.example.org"
    cors_origins    = ["https://tools.example.org:8443", "http://localhost:3000", "http://[::1]:3000"]
    quarantine_days = 30
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this["incoming"].cors_rule).allowed_origins == toset(["https://uploads.example.org", "https://tools.example.org:8443", "http://localhost:3000", "http://[::1]:3000"])
    error_message = "Signed parts come from the page and from the listed origins."
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this["incoming"].cors_rule).allowed_methods == toset(["PUT"])
    error_message = "Nothing but PUT."
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this["clean"].cors_rule).allowed_origins == toset(["https://uploads.example.org"])
    error_message = "What is clean is read from the page alone."
  }
}
