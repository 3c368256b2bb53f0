# What the world reaches: a load balancer for the app's host, and CloudFront for the host of what users
# uploaded, which reaches us through the inside alone.

locals {
  # The service reads one address in front of it. The public balancer adds the client's; the inner one
  # leaves the list as CloudFront, the only one that reaches it, has made it: the viewer last.
  balancers = {
    app     = { internal = false, subnets = var.public_subnet_ids, group = var.group_ids["edge"], forwarded = "append", certificate = var.certificate_arn, host = var.app_host }
    content = { internal = true, subnets = var.private_subnet_ids, group = var.group_ids["content"], forwarded = "preserve", certificate = var.content_certificate_arn, host = var.content_host }
  }
}

resource "aws_lb" "this" {
  for_each = local.balancers

  #checkov:skip=CKV2_AWS_28:the public one has a web ACL; the inner one has CloudFront's in front of it
  name                       = "${var.name}-${each.key}"
  internal                   = each.value.internal
  load_balancer_type         = "application"
  subnets                    = each.value.subnets
  security_groups            = [each.value.group]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  xff_header_processing_mode = each.value.forwarded
  enable_deletion_protection = var.deletion_protection
  # Above the service's own, which speaks of it: its longest silence is 30 s.
  idle_timeout = 120

  access_logs {
    bucket  = var.logs_bucket
    prefix  = each.key
    enabled = true
  }
}

resource "aws_wafv2_web_acl_association" "app" {
  resource_arn = aws_lb.this["app"].arn
  web_acl_arn  = var.firewall_arns["app"]
}

resource "aws_lb_target_group" "this" {
  for_each = local.balancers

  #checkov:skip=CKV_AWS_378:the inside of one network, between two security groups; gunicorn has no TLS here
  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = 8000
  protocol             = "HTTP"
  deregistration_delay = 60

  health_check {
    path                = "/livez"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "https" {
  for_each = local.balancers

  load_balancer_arn = aws_lb.this[each.key].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = each.value.certificate

  # Another host than its own is nobody's.
  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "421"
    }
  }
}

resource "aws_lb_listener_rule" "host" {
  for_each = local.balancers

  listener_arn = aws_lb_listener.https[each.key].arn
  priority     = 20

  condition {
    host_header {
      values = [each.value.host]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

# For those inside alone; the service says so as well.
resource "aws_lb_listener_rule" "inside" {
  for_each = local.balancers

  listener_arn = aws_lb_listener.https[each.key].arn
  priority     = 10

  condition {
    path_pattern {
      values = ["/livez", "/readyz", "/metrics"]
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this["app"].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

# A record in a zone that does not hold its name would be answered to nobody.
data "aws_route53_zone" "of" {
  for_each = { app = var.app_zone_id, content = var.content_zone_id }

  zone_id = each.value

  lifecycle {
    postcondition {
      condition     = !coalesce(self.private_zone, false) && endswith(".${local.balancers[each.key].host}", ".${trimsuffix(self.name, ".")}")
      error_message = "${each.key}_zone_id must be a public zone with ${local.balancers[each.key].host} in it; this one is ${self.name}"
    }
  }
}

resource "aws_route53_record" "app" {
  zone_id = data.aws_route53_zone.of["app"].zone_id
  name    = var.app_host
  type    = "A"

  alias {
    name                   = aws_lb.this["app"].dns_name
    zone_id                = aws_lb.this["app"].zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "content" {
  for_each = toset(["A", "AAAA"])

  zone_id = data.aws_route53_zone.of["content"].zone_id
  name    = var.content_host
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.content.domain_name
    zone_id                = aws_cloudfront_distribution.content.hosted_zone_id
    evaluate_target_health = false
  }
}
