# CloudFront for the content host. It keeps nothing: what is served is decided at each request.

resource "aws_cloudfront_vpc_origin" "content" {
  vpc_origin_endpoint_config {
    name                   = "${var.name}-content"
    arn                    = aws_lb.this["content"].arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}

resource "aws_cloudfront_distribution" "content" {
  #checkov:skip=CKV_AWS_86:its log would hold the tokens of links; the balancer behind it logs, as does the service
  #checkov:skip=CKV_AWS_305:there is no page at its root
  #checkov:skip=CKV_AWS_310:one origin, of several zones
  #checkov:skip=CKV_AWS_374:who may fetch is decided by the service, not by country
  #checkov:skip=CKV2_AWS_32:the service sets every header itself, on every answer; a test of its own holds it to that
  #checkov:skip=CKV2_AWS_47:the rules for Log4j are on, but for bodies
  enabled         = true
  is_ipv6_enabled = true
  comment         = "${var.name}: what users uploaded"
  aliases         = [var.content_host]
  price_class     = "PriceClass_100"
  http_version    = "http2and3"
  web_acl_id      = var.firewall_arns["content"]

  origin {
    origin_id   = "content"
    domain_name = aws_lb.this["content"].dns_name

    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.content.id
      origin_read_timeout      = 60
      origin_keepalive_timeout = 10
    }
  }

  default_cache_behavior {
    target_origin_id       = "content"
    viewer_protocol_policy = "redirect-to-https"
    # POST for the passwords of links, all else is read.
    allowed_methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods  = ["GET", "HEAD"]
    compress        = false
    # AWS's own: no caching; everything that the viewer sent, its host among it.
    cache_policy_id          = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    origin_request_policy_id = "216adef6-5c7f-47e4-b989-5492eafa07d3"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.content_cdn_certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}
