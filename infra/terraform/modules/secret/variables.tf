variable "name" {
  description = "The secret's name."
  type        = string
}

variable "description" {
  description = "What it is for."
  type        = string
}

variable "key_arn" {
  description = "The key that encrypts it."
  type        = string
}

variable "length" {
  description = "Letters and digits."
  type        = number

  validation {
    condition     = var.length >= 32
    error_message = "length must be 32 or more."
  }
}

variable "secret_version" {
  description = "A higher number makes a new one."
  type        = number
}

variable "recovery_days" {
  description = "Once deleted it can be taken back within this time, in days; 0 deletes at once."
  type        = number

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0 or 7 to 30."
  }
}
