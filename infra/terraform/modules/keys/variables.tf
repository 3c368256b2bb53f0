variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "account_id" {
  description = "The account, twelve digits."
  type        = string
}

variable "secret_key_versions" {
  description = "Version of the secret key in each of its two slots; a higher number makes a new key."
  type        = map(number)

  validation {
    condition     = toset(keys(var.secret_key_versions)) == toset(["a", "b"])
    error_message = "There are two slots, a and b."
  }
}

variable "recovery_days" {
  description = "A deleted secret can be taken back within this time, in days; 0 deletes at once."
  type        = number
}
