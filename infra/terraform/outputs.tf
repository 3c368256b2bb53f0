output "address" {
  description = "Where people go."
  value       = "https://${var.app_host}"
}

output "bootstrap_command" {
  description = "To be run once after the first apply, and before each upgrade: it may run twice."
  value       = module.service.bootstrap_command
}

output "first_administrator_secret" {
  description = "The secret with the first administrator's password."
  value       = module.keys.first_administrator
}

output "repositories" {
  description = "Where to push images."
  value       = module.registry.urls
}

output "buckets" {
  description = "Name of each bucket."
  value       = module.buckets.names
}
