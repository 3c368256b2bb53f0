output "address" {
  description = "Where people go."
  value       = "https://${var.app_host}"
}

output "one_off" {
  description = "Where and as what ./run-task starts one-off tasks."
  value       = module.service.one_off
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
