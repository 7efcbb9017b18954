// node check.mjs CHROMIUM PAGE…: prints each problem on a line; status 1 where there is any.
//
// The HTML standard by html-validate; then in a real browser, wide and narrow, light and dark: errors on the console,
// requests to anywhere, content wider than the window, and axe-core's rules of accessibility (WCAG 2.2 A and AA).
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { HtmlValidate } from "html-validate";
import puppeteer from "puppeteer-core";

const [chromium, ...pages] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];

const validator = new HtmlValidate({
  extends: ["html-validate:standard", "html-validate:a11y"],
  rules: { "no-trailing-whitespace": "off" },
});
for (const page of pages) {
  const report = await validator.validateFile(page);
  for (const { messages } of report.results)
    for (const { line, ruleId, message } of messages) problems.push(`${page}, line ${line}: ${message} (${ruleId})`);
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
for (const page of pages)
  for (const width of [1280, 390])
    for (const scheme of ["light", "dark"]) await look(page, width, scheme);
await browser.close();

async function look(page, width, scheme) {
  const where = `${page} at ${width} px, ${scheme}`;
  const tab = await browser.newPage();
  tab.on("console", (message) => problems.push(`${where}: console: ${message.text()}`));
  tab.on("pageerror", (error) => problems.push(`${where}: ${error.message}`));
  tab.on("request", (request) => {
    if (!request.url().startsWith("data:") && !request.isNavigationRequest())
      problems.push(`${where}: request: ${request.url()}`);
  });
  await tab.setViewport({ width, height: 900 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.goto(pathToFileURL(page).href);
  const content = await tab.evaluate(() => document.scrollingElement.scrollWidth);
  if (content > width) problems.push(`${where}: the content is ${content} px wide`);
  const hidden = await tab.evaluate(() => [...document.images].filter((image) => image.getBoundingClientRect().right > innerWidth).length);
  if (hidden) problems.push(`${where}: ${hidden} figure(s) wider than the window`);
  await tab.evaluate(() => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
  await tab.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await tab.evaluate((values) => axe.run(document, { runOnly: values }), tags);
  for (const { id, help, nodes } of violations)
    problems.push(`${where}: ${help} (${id}): ${nodes[0].html.slice(0, 160)} and ${nodes.length - 1} more`);
  await tab.close();
}

for (const problem of problems) console.log(problem);
process.exitCode = problems.length ? 1 : 0;
