output "arn" {
  description = "The rules, for whom they stand in front of."
  value       = aws_wafv2_web_acl.this.arn
}
