// Package api is the HTTP server of the product: control, status, catalogue, recordings, metrics,
// and a web page.
//
// # Shape
//
// routes.go is the table of all routes. The router, the roles, the check of query parameters, the
// index at /mp4 and the OpenAPI document are made from it, so that they cannot disagree. Each
// resource has a file of its own; deps.go lists the dependencies.
//
// # A request's way
//
//	connection limit -> header limits -> path -> host -> origin -> route
//	-> authentication -> role -> query parameters -> handler -> answer or error
//
// Every error is {"status":"error","error":"..."} with the right code. Its text was written in this
// package or by a dependency as an *Error. Any other error is logged with a number, and only that
// number is sent, so that no path of the machine, SQL text or secret leaves the server.
//
// # Time, size, names
//
// Times are RFC 3339 in UTC with a fraction, durations seconds, sizes bytes. Files are named by
// their slash-separated path below the record directory.
package api
