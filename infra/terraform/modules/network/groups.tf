# Who may open a connection to whom: one group for each part, and one table of ways.

locals {
  groups = {
    edge      = "The public load balancer"
    content   = "The load balancer behind CloudFront"
    web       = "The web processes"
    worker    = "The workers that inspect"
    courier   = "The workers that call webhooks"
    schedule  = "The clock"
    bootstrap = "The one-off task"
    clamd     = "ClamAV"
    database  = "PostgreSQL"
    cache     = "Redis"
    machine   = "Machines under ECS, where there are some"
  }

  # From, to, port. What is not here cannot be: nobody reaches a worker, a courier or the clock.
  ways = {
    for way in [
      ["edge", "web", 8000],
      ["content", "web", 8000],
      ["web", "database", 5432],
      ["worker", "database", 5432],
      ["courier", "database", 5432],
      ["schedule", "database", 5432],
      ["bootstrap", "database", 5432],
      ["web", "cache", 6379],
      ["worker", "cache", 6379],
      ["courier", "cache", 6379],
      ["schedule", "cache", 6379],
      ["bootstrap", "cache", 6379],
      ["web", "clamd", 3310],
      ["worker", "clamd", 3310],
    ] : "${way[0]}-${way[1]}" => { from = way[0], to = way[1], port = tonumber(way[2]) }
  }

  # Out of the network: AWS itself (images, logs, secrets, the store), signatures of viruses, and for
  # couriers the receivers of webhooks. The parsers in a worker's cell have no network at all.
  out = merge(
    { for process in ["web", "worker", "courier", "schedule", "bootstrap", "clamd", "machine"] : "${process}-443" => { group = process, port = 443 } },
    { for port in var.webhook_ports : "courier-${port}" => { group = "courier", port = port } if port != 443 },
  )
}

resource "aws_security_group" "this" {
  for_each = local.groups

  #checkov:skip=CKV2_AWS_5:attached by the modules that make the parts
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "way" {
  for_each = local.ways

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = "${each.value.from} to ${each.value.to}"
}

resource "aws_vpc_security_group_egress_rule" "way" {
  for_each = local.ways

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = "${each.value.from} to ${each.value.to}"
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = local.out

  security_group_id = aws_security_group.this[each.value.group].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = "${each.value.group} to the outside"
}

# The only group that the world reaches, on these two ports.
resource "aws_vpc_security_group_ingress_rule" "world" {
  for_each = { https = 443, http = 80 }

  #checkov:skip=CKV_AWS_260:port 80 answers with a redirect to 443 and nothing else
  security_group_id = aws_security_group.this["edge"].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  description       = "The world, ${each.key}"
}

resource "aws_vpc_security_group_ingress_rule" "cdn" {
  security_group_id = aws_security_group.this["content"].id
  prefix_list_id    = var.cloudfront_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "CloudFront"
}
