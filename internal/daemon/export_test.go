package daemon

// AnswersAt is how the watchdog finds out whether the DNS server answers.
var AnswersAt = answersAt
