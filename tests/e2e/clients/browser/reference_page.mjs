// Looks at a page as a reader does.
//
// Arguments: the page's file, the browser, and what to search for. Standard output, in JSON: what the
// browser asked for or complained of, and what is on the page.

import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, executablePath, query, screenshot] = process.argv.slice(2);
const address = pathToFileURL(file).href;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  const requests = [];
  const complaints = [];
  // What is in the page's own memory comes from nowhere else.
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address && !/^(blob|data):/.test(url)) requests.push(url);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));

  await page.goto(address);
  await page.getByRole("heading", { name: "Plan limits" }).waitFor();
  const tables = await page.locator("table").evaluateAll((found) =>
    found.map((table) =>
      [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())),
    ),
  );
  const text = await page.locator("#reference").innerText();
  const headings = await page.locator("h1, h2").allInnerTexts();
  if (screenshot) await page.screenshot({ path: screenshot });

  await page.getByPlaceholder("Search").fill(query);
  const results = page.locator("[data-role='search:results'] li");
  await results.first().waitFor();
  const found = await results.allInnerTexts();
  console.log(JSON.stringify({ requests, complaints, headings, tables, text, found }));
} finally {
  await browser.close();
}
