variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "parts_key_arn" {
  description = "The key that encrypts notices."
  type        = string
}

variable "audit_key_arn" {
  description = "The key that encrypts the trail."
  type        = string
}

variable "audit_bucket" {
  description = "The bucket of the trail."
  type        = string
}

variable "file_bucket_arns" {
  description = "The buckets whose objects' every use is noted."
  type        = list(string)
}

variable "cluster" {
  description = "The cluster."
  type        = string
}

variable "services" {
  description = "The services that must run."
  type        = list(string)
}

variable "waited" {
  description = "The metrics of how long the oldest job of each kind has waited for a worker, in seconds."
  type        = object({ namespace = string, names = map(string) })
}

variable "database" {
  description = "The database's name."
  type        = string
}

variable "cache_members" {
  description = "The cache's nodes."
  type        = list(string)
}

variable "balancers" {
  description = "Load balancer and target group of each host."
  type        = map(object({ balancer = string, targets = string }))
}

variable "alarm_address" {
  description = "E-mail address that alarms go to; it confirms once."
  type        = string
}
