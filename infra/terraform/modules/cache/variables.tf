variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a way out."
  type        = list(string)
}

variable "group_id" {
  description = "The cache's security group."
  type        = string
}

variable "key_arn" {
  description = "The key that encrypts the cache and its password."
  type        = string
}

variable "node_type" {
  description = "Size of a node."
  type        = string
}

variable "nodes" {
  description = "Nodes: with two or more another takes over by itself."
  type        = number

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 6
    error_message = "nodes must be 1 to 6."
  }
}

variable "password_version" {
  description = "A higher number makes a new password."
  type        = number
}

variable "recovery_days" {
  description = "A deleted secret can be taken back within this time, in days; 0 deletes at once."
  type        = number
}
