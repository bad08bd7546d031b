// Package watch keeps an eye on what comes in, for staff who look whether all is well:
// how what the other rooms count has moved in the last hour and day, and which sources,
// hosts and update keys stand out.
//
// It promises to stay within memory that it states, whoever sends how much, and that
// nobody waits for it. It decides nothing, remembers nothing on disk, and knows nothing
// of the time before it was made.
package watch
