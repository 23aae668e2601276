// A DynamoDB in memory on a free loopback port; prints its URL.
const dynalite = require('dynalite')({ createTableMs: 0 })

dynalite.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${dynalite.address().port}`))
