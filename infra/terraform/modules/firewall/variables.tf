variable "name" {
  description = "The name of the rules and of their metric."
  type        = string
}

variable "scope" {
  description = "REGIONAL for a load balancer; CLOUDFRONT, whose rules stand in us-east-1."
  type        = string

  validation {
    condition     = contains(["REGIONAL", "CLOUDFRONT"], var.scope)
    error_message = "scope is REGIONAL or CLOUDFRONT."
  }
}

variable "requests_per_address" {
  description = "Requests of one address in five minutes before it is blocked for a while."
  type        = number

  validation {
    condition     = var.requests_per_address >= 100
    error_message = "requests_per_address must be 100 or more."
  }
}
