// Opens each page that is named and complains of what a reader would: text that can't be read, a page
// wider than the screen, parts that are missing, anything loaded from elsewhere.
import { chromium } from 'playwright-core'
import { pathToFileURL } from 'node:url'

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1100, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1100, height: 900 } },
  { name: 'light, phone', colorScheme: 'light', viewport: { width: 360, height: 740 } },
  { name: 'dark, phone', colorScheme: 'dark', viewport: { width: 360, height: 740 } },
]

// WCAG 2.2, 1.4.3: contrast of text, level AA.
const CONTRAST = 4.5

function faults(contrast) {
  const rgb = text => (text.match(/[\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => [r, g, b]
    .map(part => part / 255)
    .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0)
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor)
      if (color.length === 3 || color[3] > 0) return color
    }
    return [255, 255, 255]
  }
  const found = []
  const root = document.scrollingElement
  if (root.scrollWidth > root.clientWidth) {
    found.push(`the page is ${root.scrollWidth} wide, the screen ${root.clientWidth}`)
  }
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    if (!text || element.getClientRects().length === 0) continue
    const [one, other] = [light(rgb(getComputedStyle(element).color)), light(ground(element))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (ratio < contrast) found.push(`contrast ${ratio.toFixed(2)}: ${element.textContent.trim()}`)
    const box = element.getBoundingClientRect()
    if (box.right > root.clientWidth + 1) found.push(`out of sight: ${element.textContent.trim()}`)
  }
  for (const part of ['h1', 'section h2', 'ol.phases li', 'table tbody tr']) {
    if (!document.querySelector(part)) found.push(`there is no ${part}`)
  }
  return found
}

const browser = await chromium.launch({
  executablePath: process.env.BROWSER_PROGRAM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
})
let bad = 0
for (const file of process.argv.slice(2)) {
  for (const { name, ...look } of LOOKS) {
    const page = await browser.newPage(look)
    const complaints = []
    page.on('console', message => complaints.push(`console: ${message.text()}`))
    page.on('pageerror', error => complaints.push(`error: ${error}`))
    page.on('request', request => {
      if (!request.url().startsWith('file:')) complaints.push(`loads ${request.url()}`)
    })
    await page.goto(pathToFileURL(file).href)
    complaints.push(...await page.evaluate(faults, CONTRAST))
    if (process.env.SCREENSHOTS) {
      const shot = `${process.env.SCREENSHOTS}/${file.split('/').pop()}.${name.replace(', ', '-')}.png`
      await page.screenshot({ path: shot, fullPage: true })
    }
    for (const complaint of complaints) console.error(`${file} (${name}): ${complaint}`)
    bad += complaints.length
    await page.close()
  }
}
await browser.close()
console.log(bad ? `${bad} complaints` : 'every page can be read')
process.exitCode = bad ? 1 : 0
