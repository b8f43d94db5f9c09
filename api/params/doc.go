// Package params reads the query parameters that a route declares, and refuses all
// others: a misspelt one that is ignored would do another thing than what was asked.
package params
