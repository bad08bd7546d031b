package privacy

// FinishDue does what Run does now and then.
var FinishDue = (*Service).finishDue
